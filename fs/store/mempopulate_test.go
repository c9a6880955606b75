package store_test

import (
	"testing"

	"vanishfs/fs/store"
)

// TestFilledStays: what was filled is there, and charged, however much the kernel wants memory.
func TestFilledStays(t *testing.T) {
	const size = 32 * store.PageSize
	for name, before := range map[string]func(t *testing.T, f store.File){
		"hole":     func(*testing.T, store.File) {},
		"reserved": func(t *testing.T, f store.File) { mustAllocate(t, f, size) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newMemory(t, store.MemoryOptions{Size: 8 << 20})
			f := mustNew(t, s)
			if err := f.Truncate(size); err != nil {
				t.Fatal(err)
			}
			before(t, f)
			if err := f.Fill(0, size); err != nil {
				t.Fatal(err)
			}
			if err := store.DropClean(f, size); err != nil {
				t.Fatal(err)
			}
			if n := f.Missing(0, size); n != 0 {
				t.Errorf("%d bytes are holes again", n)
			}
		})
	}
}

func mustAllocate(t testing.TB, f store.File, size int64) {
	t.Helper()
	if err := f.Allocate(0, 0, size); err != nil {
		t.Fatal(err)
	}
}
