package seal

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

func newRing(t testing.TB) *Ring {
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// room is a block of n bytes with the capacity that Seal wants.
func room(n int) []byte { return make([]byte, n, n+Overhead) }

func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8)
	}
	return p
}

func mustSeal(t testing.TB, k *Key, plain []byte, pos int64) ([]byte, Stamp) {
	t.Helper()
	sealed := room(len(plain))
	st, err := k.Seal(sealed, plain, pos)
	if err != nil {
		t.Fatal(err)
	}
	return sealed, st
}

const page = 4096

var sizes = []int{0, 1, 15, 16, 17, 127, 128, 129, page - 1, page, page + 1, 4*page - 1, 4 * page, 4*page + 1, 16 * page}

func TestSealOpen(t *testing.T) {
	k := newRing(t).NewKey(7)
	for _, n := range sizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			plain := pattern(n)
			sealed, st := mustSeal(t, k, plain, 1<<40)
			if n >= 16 && bytes.Equal(sealed, plain) {
				t.Error("sealed block is the plaintext")
			}
			apart := make([]byte, n)
			if err := k.Open(apart, sealed, 1<<40, st); err != nil || !bytes.Equal(apart, plain) {
				t.Errorf("open: %v, equal %v", err, bytes.Equal(apart, plain))
			}
			if err := k.Open(sealed, sealed, 1<<40, st); err != nil || !bytes.Equal(sealed, plain) {
				t.Errorf("open in place: %v, equal %v", err, bytes.Equal(sealed, plain))
			}
		})
	}
}

// The bytes behind a block belong to its neighbour.
func TestOpenPutsBackWhatFollows(t *testing.T) {
	k := newRing(t).NewKey(1)
	both := make([]byte, 2*page+Overhead)
	first, second := pattern(page), bytes.Repeat([]byte("x"), page)
	a, err1 := k.Seal(both[:page], first, 0)
	b, err2 := k.Seal(both[page:2*page], second, page)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := k.Open(both[:page], both[:page], 0, a); err != nil {
		t.Fatal(err)
	}
	if err := k.Open(both[page:2*page], both[page:2*page], page, b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(both[:page], first) || !bytes.Equal(both[page:2*page], second) {
		t.Error("neighbours damaged each other")
	}
}

func TestAgainstSecondImplementation(t *testing.T) {
	r := newRing(t)
	for _, n := range sizes[:len(sizes)-3] {
		k := r.NewKey(rand.Uint64())
		pos := rand.Int64()
		plain := pattern(n)
		mustSeal(t, k, nil, 0) // so that the counter is not 0
		sealed, st := mustSeal(t, k, plain, pos)

		key, nonce, data := make([]byte, 32), make([]byte, 12), make([]byte, 16)
		e := k.epochs[0]
		for i := 0; i < 32; i += aes.BlockSize {
			r.master.Encrypt(key[i:], e.wrapped[i:i+aes.BlockSize])
		}
		binary.LittleEndian.PutUint64(nonce, e.prefix)
		binary.LittleEndian.PutUint32(nonce[8:], 1)
		binary.LittleEndian.PutUint64(data, k.id)
		binary.LittleEndian.PutUint64(data[8:], uint64(pos))
		text, tag := slowGCM(t, key, nonce, plain, data)
		if !bytes.Equal(text, sealed) || tag != st.tag {
			t.Errorf("%d bytes: the two implementations differ", n)
		}
	}
}

func TestEverythingIsBound(t *testing.T) {
	r := newRing(t)
	k := r.NewKey(1)
	plain := pattern(page)
	sealed, st := mustSeal(t, k, plain, 10*page)
	older, olderStamp := mustSeal(t, k, plain, 10*page)
	twin := &Key{ring: r, id: 2, epochs: bytesOf(k)} // the same key, another file
	stamp := func(f func(*Stamp)) Stamp { s := st; f(&s); return s }
	for name, c := range map[string]struct {
		k      *Key
		sealed []byte
		pos    int64
		st     Stamp
	}{
		"other position":        {k, sealed, 11 * page, st},
		"other file, other key": {r.NewKey(1), sealed, 10 * page, st},
		"other file, same key":  {twin, sealed, 10 * page, st},
		"shorter":               {k, append(room(0), sealed[:page-1]...), 10 * page, st},
		"other version's block": {k, older, 10 * page, st},
		"other version's stamp": {k, sealed, 10 * page, olderStamp},
		"other tag":             {k, sealed, 10 * page, stamp(func(s *Stamp) { s.tag[15] ^= 1 })},
		"other count":           {k, sealed, 10 * page, stamp(func(s *Stamp) { s.count += 2 })},
		"unknown epoch":         {k, sealed, 10 * page, stamp(func(s *Stamp) { s.epoch = 1 })},
		"no stamp":              {k, sealed, 10 * page, Stamp{}},
	} {
		t.Run(name, func(t *testing.T) {
			in := append(make([]byte, 0, len(c.sealed)+Overhead), c.sealed...)
			out := bytes.Repeat([]byte{0xee}, len(in))
			if err := c.k.Open(out, in, c.pos, c.st); err != ErrAltered {
				t.Errorf("err = %v", err)
			}
			if bytes.Contains(out, plain[:16]) || bytes.Contains(out, plain[2048:2064]) {
				t.Error("plaintext came out")
			}
		})
	}
}

func bytesOf(k *Key) []epoch { return append([]epoch(nil), k.epochs...) }

// No two seals give the same bytes, nor the same nonce, across files and key changes.
func TestNoncesAreNeverReused(t *testing.T) {
	r := newRing(t)
	r.perKey = 5
	plain := pattern(64)
	type pair struct {
		key   [keySize]byte
		nonce [nonceSize]byte
	}
	texts, pairs := map[string]bool{}, map[pair]bool{}
	for id := range uint64(8) {
		k := r.NewKey(id)
		var stamps []Stamp
		var blocks [][]byte
		for range 23 {
			sealed, st := mustSeal(t, k, plain, 0)
			u, err := k.at(st)
			if err != nil {
				t.Fatal(err)
			}
			r.unpin(u.slot)
			p := pair{k.epochs[st.epoch].wrapped, u.nonce}
			if texts[string(sealed)] || pairs[p] {
				t.Fatal("the same nonce twice")
			}
			texts[string(sealed)], pairs[p] = true, true
			stamps, blocks = append(stamps, st), append(blocks, sealed)
		}
		if len(k.epochs) != 5 {
			t.Errorf("%d keys for 23 blocks of at most 5 each", len(k.epochs))
		}
		for i, st := range stamps { // those of earlier keys too
			if err := k.Open(make([]byte, 64), blocks[i], 0, st); err != nil {
				t.Errorf("block %d: %v", i, err)
			}
		}
	}
}

func TestExhaustion(t *testing.T) {
	r := newRing(t)
	r.perKey = 1
	k := r.NewKey(1)
	for range epochsMost {
		mustSeal(t, k, nil, 0)
	}
	for range 2 {
		if _, err := k.Seal(room(0), nil, 0); err != ErrExhausted {
			t.Errorf("err = %v", err)
		}
	}
	if perKeyMost > 1<<31 || uint64(perKeyMost)*epochsMost < 1<<40 {
		t.Error("limits are out of proportion")
	}
}

func TestForget(t *testing.T) {
	r := newRing(t)
	r.perKey = 2
	k, other := r.NewKey(1), r.NewKey(2)
	sealed, st := mustSeal(t, k, pattern(page), 0)
	mustSeal(t, k, nil, 0)
	mustSeal(t, k, nil, 0) // a second epoch
	otherSealed, otherStamp := mustSeal(t, other, pattern(page), 0)
	epochs, s := k.epochs, k.slot
	k.Forget()
	k.Forget()
	if err := k.Open(make([]byte, page), sealed, 0, st); err != ErrForgotten {
		t.Errorf("open: %v", err)
	}
	if _, err := k.Seal(room(0), nil, 0); err != ErrForgotten {
		t.Errorf("seal: %v", err)
	}
	for _, e := range epochs {
		if e != (epoch{}) {
			t.Error("a wrapped key is still there")
		}
	}
	if !allZero(s.mem) {
		t.Error("the expanded key is still there")
	}
	if err := other.Open(make([]byte, page), otherSealed, 0, otherStamp); err != nil {
		t.Errorf("another file: %v", err)
	}
}

// A key forgotten while it is in use is wiped as soon as it is not.
func TestForgetInUse(t *testing.T) {
	r := newRing(t)
	k := r.NewKey(1)
	u, _, err := k.next()
	if err != nil {
		t.Fatal(err)
	}
	k.Forget()
	if allZero(u.mem) {
		t.Error("wiped under its user")
	}
	r.unpin(u.slot)
	if !allZero(u.mem) {
		t.Error("not wiped after its last use")
	}
}

// More files than slots, from several goroutines, with keys forgotten meanwhile.
func TestManyFiles(t *testing.T) {
	r := newRing(t)
	r.perKey = 3
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			plain := pattern(512)
			for i := range 200 {
				k := r.NewKey(uint64(g*1000 + i))
				var blocks [][]byte
				var stamps []Stamp
				for pos := range int64(7) {
					b, st := mustSeal(t, k, plain, pos)
					blocks, stamps = append(blocks, b), append(stamps, st)
				}
				for _, pos := range rand.Perm(7) {
					out := make([]byte, 512)
					if err := k.Open(out, blocks[pos], int64(pos), stamps[pos]); err != nil || !bytes.Equal(out, plain) {
						t.Error("open:", err)
					}
				}
				if i%3 == 0 {
					k.Forget()
				}
			}
		})
	}
	wg.Wait()
	for i := range r.slots {
		if s := &r.slots[i]; s.pins != 0 || s.owner == nil && !allZero(s.mem) || s.owner != nil && s.owner.slot != s {
			t.Errorf("slot %d: %d pins, owner %v", i, s.pins, s.owner != nil)
		}
	}
}

// With every slot pinned the next user waits for one instead of failing.
func TestWaitsForASlot(t *testing.T) {
	r := newRing(t)
	var pinned []use
	for i := range r.slots {
		u, _, err := r.NewKey(uint64(i)).next()
		if err != nil {
			t.Fatal(err)
		}
		pinned = append(pinned, u)
	}
	done := make(chan error)
	go func() {
		_, err := r.NewKey(99).Seal(room(1), pattern(1), 0)
		done <- err
	}()
	for _, u := range pinned {
		r.unpin(u.slot)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	r := newRing(t)
	k := r.NewKey(1)
	sealed, st := mustSeal(t, k, pattern(10), 0)
	r.Close()
	r.Close()
	if err := k.Open(make([]byte, 10), sealed, 0, st); err != ErrForgotten {
		t.Errorf("open: %v", err)
	}
	if _, err := r.NewKey(2).Seal(room(0), nil, 0); err != ErrForgotten {
		t.Errorf("seal: %v", err)
	}
	k.Forget()
}

func TestMistakesOfTheCallerPanic(t *testing.T) {
	k := newRing(t).NewKey(1)
	for name, f := range map[string]func(){
		"no room for the tag": func() { k.Seal(make([]byte, 8, 8+Overhead-1), make([]byte, 8), 0) },
		"lengths differ":      func() { k.Seal(room(8), make([]byte, 9), 0) },
		"open without room":   func() { k.Open(make([]byte, 8), make([]byte, 8), 0, Stamp{}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func TestErrorsAreDistinct(t *testing.T) {
	all := []error{ErrAltered, ErrForgotten, ErrExhausted, ErrNotLocked}
	for i, a := range all {
		for j, b := range all {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("%v is %v", a, b)
			}
		}
	}
}
