package tiered

import (
	"testing"

	"golang.org/x/sys/unix"
)

// HoleWithin says the same as a search for the next hole, wherever pages are.
func TestHoleWithin(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	f := fx.file(t)
	const size = 6*chunkSize + 100
	mustWrite(t, f, numbered(1, 0, size), 0)
	for _, off := range []int64{2 * pageSize, 3 * chunkSize, 5*chunkSize + 15*pageSize} {
		if err := f.Allocate(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, pageSize); err != nil {
			t.Fatal(err)
		}
	}
	for _, spilled := range []bool{false, true} {
		if spilled {
			fx.spillAll(t, f)
		}
		for off := int64(0); off < size; off += pageSize / 2 {
			hole, err := f.Seek(off, unix.SEEK_HOLE)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int64{1, pageSize, pageSize + 1, 3 * chunkSize} {
				n = min(n, size-off)
				if got := f.HoleWithin(off, n); got != (hole < off+n) {
					t.Errorf("%d bytes at %d: %v, next hole at %d", n, off, got, hole)
				}
			}
		}
	}
}
