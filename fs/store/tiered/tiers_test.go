package tiered

import (
	"math"
	"testing"

	"golang.org/x/sys/unix"
)

// Reads may wait where a page is only on the disk; writes where they change such a page in part.
func TestMayWaitForPages(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(32<<20))
	f := fx.file(t)
	mustWrite(t, f, numbered(1, 0, 4*chunkSize), 0)
	if f.MayWait(0, 4*chunkSize, false) || f.MayWait(1, chunkSize, true) {
		t.Error("nothing is spilled yet")
	}
	fx.spillAll(t, f)
	mustWrite(t, f, numbered(2, 0, pageSize), chunkSize) // one page of the second chunk is back in memory
	if err := f.Allocate(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 2*chunkSize, chunkSize); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		off, n int64
		write  bool
		want   bool
	}{
		{"read spilled pages", 0, chunkSize, false, true},
		{"read one byte of a spilled page", pageSize - 1, 1, false, true},
		{"read a page in memory", chunkSize, pageSize, false, false},
		{"read past that", chunkSize, pageSize + 1, false, true},
		{"read a hole", 2 * chunkSize, chunkSize, false, false},
		{"read from a hole into spilled pages", 3*chunkSize - 1, 2, false, true},
		{"read behind the end", 4 * chunkSize, chunkSize, false, false},
		{"read everything there could be", 0, math.MaxInt64, false, true},
		{"read nothing", 0, 0, false, false},
		{"read before the start", -1, 1, false, false},
		{"overwrite whole pages", 0, 2 * pageSize, true, false},
		{"write that starts within a page", 1, 2*pageSize - 1, true, true},
		{"write that ends within a page", 0, pageSize + 1, true, true},
		{"write into a page in memory", chunkSize + 1, 10, true, false},
		{"write into a hole", 2*chunkSize + 1, 10, true, false},
		{"write behind the end", 4*chunkSize + 1, 10, true, false},
	} {
		if got := f.MayWait(c.off, c.n, c.write); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

// Writes may wait where memory is short: those of large files from the mark on at which they are
// slowed down, those of small ones when hardly any is left.
func TestMayWaitForMemory(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(8<<20))
	fx.disk.set(func(d *fakeDisk) { d.stuck = true })
	f, m := fx.file(t), fx.pool.marks
	h := make([]frame, 0, m.total)
	leave := func(n int) { // available frames
		for fx.pool.available() > n {
			var one [1]frame
			if !fx.pool.take(one[:], 0) {
				t.Fatal("no frame")
			}
			h = append(h, one[0])
		}
	}
	defer func() { fx.pool.give(h) }()
	check := func(small, large bool) {
		t.Helper()
		if got := f.MayWait(0, pageSize, true); got != small {
			t.Errorf("%d available: small file: %v", fx.pool.available(), got)
		}
		if got := f.MayWait(smallFile, pageSize, true); got != large {
			t.Errorf("%d available: large file: %v", fx.pool.available(), got)
		}
	}
	check(false, false)
	leave(m.low)
	check(false, true)
	leave(m.spare)
	check(true, true)
}

// Tiers tells what moved.
func TestTiers(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(8<<20))
	f := fx.file(t)
	mustWrite(t, f, numbered(1, 0, 1<<20), 0)
	if got := fx.Tiers(); got.Memory != 8<<20 || got.MemoryUsed < 1<<20 || got.Spill != 0 || got.Spilled != 0 || got.Fetched != 0 {
		t.Errorf("in memory: %+v", got)
	}
	fx.spillAll(t, f)
	mustHold(t, f, numbered(1, 0, 1<<20), 0)
	if got := fx.Tiers(); got.Spill != 1<<20 || got.Spilled != 1<<20 || got.Fetched != 1<<20 {
		t.Errorf("spilled and read back: %+v", got)
	}
}
