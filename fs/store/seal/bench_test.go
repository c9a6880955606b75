package seal

import (
	"fmt"
	"testing"
)

func BenchmarkSeal(b *testing.B) {
	for _, n := range []int{page, 4 * page, 16 * page} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			k := newRing(b).NewKey(1)
			plain, sealed := pattern(n), room(n)
			b.SetBytes(int64(n))
			for b.Loop() {
				if _, err := k.Seal(sealed, plain, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{page, 4 * page, 16 * page} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			k := newRing(b).NewKey(1)
			plain := pattern(n)
			sealed, st := mustSeal(b, k, plain, 0)
			b.SetBytes(int64(n))
			for b.Loop() {
				if err := k.Open(plain, sealed, 0, st); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A key whose expanded form was dropped: what the first block of a file costs more.
func BenchmarkExpand(b *testing.B) {
	r := newRing(b)
	k := r.NewKey(1)
	sealed := room(0)
	for b.Loop() {
		if _, err := k.Seal(sealed, nil, 0); err != nil {
			b.Fatal(err)
		}
		r.mu.Lock()
		k.dropSlotLocked()
		r.mu.Unlock()
	}
}
