package tiered

import (
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/fs/store"
)

// What is missing is counted wherever pages are, also at the very end of what a file can have.
func TestMissing(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	f := fx.file(t)
	mustWrite(t, f, numbered(1, 0, 6*chunkSize), 0)
	holes := []int64{2 * pageSize, 3 * chunkSize, 5*chunkSize + 15*pageSize}
	for _, off := range holes {
		if err := f.Allocate(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, pageSize); err != nil {
			t.Fatal(err)
		}
	}
	for _, spilled := range []bool{false, true} {
		if spilled {
			fx.spillAll(t, f)
		}
		for off := int64(0); off < 6*chunkSize; off += pageSize / 2 {
			for _, n := range []int64{0, 1, pageSize, pageSize + 1, 3 * chunkSize} {
				want := store.Span(max(off, 6*chunkSize), max(0, off+n-max(off, 6*chunkSize)))
				for _, hole := range holes {
					if n > 0 && hole < off+n && off < hole+pageSize {
						want += pageSize
					}
				}
				if got := f.Missing(off, n); got != want {
					t.Errorf("%d bytes missing in %d at %d, want %d", got, n, off, want)
				}
			}
		}
	}
	if got := f.Missing(maxSize-1, 1); got != pageSize {
		t.Errorf("%d bytes missing for the last one", got)
	}
}
