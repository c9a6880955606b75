// Package seal encrypts blocks of files so that they can lie on an untrusted disk.
//
// A Ring has one random master key, a mount's. Each file has a Key of its own, made of
// random bits that are kept wrapped (encrypted under the master key): neither the wrapped
// bits nor the master key alone opens a block, so that wiping the first forgets one file at
// once, and wiping the second everything.
//
// Blocks are sealed with AES-256-GCM. Sealing returns a Stamp, the block's nonce and tag,
// which the caller keeps in memory; the sealed block is exactly as long as the plaintext, so
// that it stays aligned on the disk. The file's identity and the block's position are bound
// in, and since the stamp is kept off the disk, so is its age: an old version of the right
// block at the right place does not open either.
//
// # Nonces
//
// A nonce is 64 random bits and a 32-bit counter. A file's key is used with one random part
// and for at most 2^31 blocks, then the file silently gets another key; old blocks keep
// opening with theirs. No (key, nonce) pair can occur twice, whatever the caller does.
//
// # Where keys live
//
// Expanded keys (AES round keys and GCM tables) exist only in a small region of memory that
// is locked, left out of core dumps and emptied in forked children. It has room for the
// master key and a few dozen files; others are expanded again when they are used. Wrapped
// keys are in ordinary memory.
//
// # Locks
//
// Ring.mu guards the Ring, its slots and all its Keys; it is a leaf and is never held while
// data is sealed or opened.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"sync"
)

// Errors. ErrAltered is the only one that says something about the data.
var (
	ErrAltered   = errors.New("sealed block was altered")
	ErrForgotten = errors.New("key of the file was wiped")
	ErrExhausted = errors.New("file was sealed too often")
	ErrNotLocked = errors.New("memory for keys cannot be locked")
)

// Sizes, bytes.
const (
	Overhead = tagSize // capacity that Seal and Open want beyond the length of a block

	keySize   = 32
	tagSize   = 16
	nonceSize = 12
)

// A Ring holds the master key and the expanded keys in use.
type Ring struct {
	region region // immutable until Close

	mu     sync.Mutex
	free   sync.Cond    // signalled when a slot is unpinned
	master cipher.Block // expanded, in region; nil once closed
	key    []byte       // scratch for one key, in region
	slots  []slot       // immutable length
	hand   int          // where the search for a slot to reuse goes on

	perKey uint32 // blocks sealed under one key at most; immutable
}

// perKeyMost keeps a key far below the 2^32 blocks after which the counter would repeat.
const perKeyMost = 1 << 31

// Options of a Ring.
type Options struct {
	// Unlocked makes New succeed where memory cannot be locked: keys could then reach swap.
	Unlocked bool
}

// New makes a Ring with a fresh master key. The error is ErrNotLocked, with the reason, if the
// limit on locked memory (RLIMIT_MEMLOCK) is below 32 KiB or the platform's keys have pointers.
func New(o Options) (*Ring, error) {
	m, err := newRegion(regionSize, !o.Unlocked)
	if err != nil {
		return nil, err
	}
	r := &Ring{region: m, perKey: perKeyMost}
	r.free.L = &r.mu
	r.key = r.region.take(keySize)
	rand.Read(r.key) // never fails; crypto/rand ends the process instead
	expand(func() {
		var master cipher.Block
		master, err = aes.NewCipher(r.key)
		clear(r.key)
		if err == nil {
			r.master, err = settle(master, r.region.take(slotSize), o.Unlocked)
		}
	})
	if err != nil {
		r.region.release()
		return nil, err
	}
	for r.region.left() >= slotSize {
		r.slots = append(r.slots, slot{mem: r.region.take(slotSize)})
	}
	return r, nil
}

// Close wipes all keys. It waits for blocks that are just being sealed or opened; nothing
// can be afterwards. Closing again does nothing.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.master == nil {
		return
	}
	r.master = nil
	for i := range r.slots {
		for r.slots[i].pins > 0 {
			r.free.Wait()
		}
		r.slots[i].wipe()
	}
	r.region.release()
}
