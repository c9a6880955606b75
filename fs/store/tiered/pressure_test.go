package tiered

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"vanishfs/quota"
)

// While the disk does not answer at all, what is in memory is read and overwritten, small files are
// made, files go, and whoever waits for the disk goes on when it answers again.
func TestStuckDiskBlocksOnlyWhoNeedsIt(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(8<<20))
	cold, hot := fx.file(t), fx.file(t)
	mustWrite(t, cold, numbered(1, 0, 4<<20), 0)
	fx.spillAll(t, cold)
	mustWrite(t, hot, numbered(2, 0, 1<<20), 0)
	fx.disk.set(func(d *fakeDisk) { d.stuck = true })

	big := fx.file(t)
	var written atomic.Int64
	var done sync.WaitGroup
	done.Go(func() {
		for off := int64(0); off < 32<<20; off += chunkSize {
			mustWrite(t, big, numbered(3, off, chunkSize), off)
			written.Store(off + chunkSize)
		}
	})
	for range 3 {
		done.Go(func() { mustHold(t, cold, numbered(1, 0, 4<<20), 0) })
	}
	wait(t, "readers, workers and the big writer to be stuck", func() bool {
		fx.pool.mu.Lock()
		defer fx.pool.mu.Unlock()
		return fx.disk.waiting() == spillWorkers+fetchIntakes && fx.pool.waiters > 0
	})

	for range 20 {
		mustHold(t, hot, numbered(2, 0, 1<<20), 0)
		mustWrite(t, hot, numbered(2, 0, 5*pageSize), 0)
		f := fx.file(t)
		mustWrite(t, f, numbered(4, 0, 2*pageSize), 0)
		mustHold(t, f, numbered(4, 0, 2*pageSize), 0)
		if err := f.Truncate(10); err != nil {
			t.Error(err)
		}
		f.Close()
		f.Free()
	}
	if fx.disk.waiting() == 0 || written.Load() == 32<<20 {
		t.Error("the disk was not stuck")
	}
	fx.disk.set(func(d *fakeDisk) { d.stuck = false })
	done.Wait()
	mustHold(t, big, numbered(3, 0, 32<<20), 0)
	mustHold(t, cold, numbered(1, 0, 4<<20), 0)
	fx.check(t, cold, hot, big)
}

// Several writers, readers and truncaters on shared files, with memory for a fraction of it. Each
// file is only ever written with data that tells its own offset, so that a reader can tell a
// page out of place whatever the order.
func TestParallelUse(t *testing.T) {
	for name, m := range map[string]marks{"tight": {total: 256, floor: 256, high: 200, low: 100, reserve: 25, spare: 12, warm: 32}, "eager": eager} {
		t.Run(name, func(t *testing.T) {
			fx := newFixture(t, Options{}, m)
			const size = 40 * chunkSize
			var files []*File
			for range 3 {
				files = append(files, fx.file(t))
			}
			var done sync.WaitGroup
			for range 6 {
				done.Go(func() {
					for range 300 {
						parallelStep(t, files[rand.N(len(files))], files, rand.N(int64(size)))
					}
				})
			}
			done.Wait()
			fx.check(t, files...)
			if st := fx.Stats(); st.Spilled == 0 || st.Fetched == 0 {
				t.Errorf("nothing moved: %+v", st)
			}
			for _, f := range files {
				f.Close()
				f.Free()
			}
			fx.check(t)
			fx.checkWiped(t)
		})
	}
}

func parallelStep(t *testing.T, f *File, files []*File, off int64) {
	n := rand.N(3*chunkSize) + 1
	var err error
	switch rand.N(10) {
	case 0:
		err = f.Truncate(off)
	case 1:
		err = f.Allocate(0x03, off, int64(n))
	case 2:
		_, err = f.CopyTo(files[rand.N(len(files))], off, off, int64(n)) // the same offset
		if err == syscall.EINVAL {
			err = nil // onto itself
		}
	case 3, 4, 5:
		p := make([]byte, n)
		if n, err = f.ReadAt(p, off); err != nil {
			break
		}
		for i, want := range numbered(7, off, n) {
			if p[i] != 0 && p[i] != want {
				t.Errorf("byte at %d is %#x, want %#x or 0", off+int64(i), p[i], want)
				return
			}
		}
	default:
		_, err = f.WriteAt(numbered(7, off, n), off)
	}
	if err != nil {
		t.Error(err)
	}
}

// The quota is hierarchical and exact with writers that wait for the disk, too.
func TestQuotaDomain(t *testing.T) {
	mount := quota.New(nil, "mount", quota.Limits{Bytes: 16 << 20})
	session := quota.New(mount, "session", quota.Limits{Bytes: 12 << 20})
	fx := newFixture(t, Options{Domain: session}, newMarks(0))
	if err := mount.ReserveBytes(6 << 20); err != nil {
		t.Fatal(err)
	}
	var sum atomic.Int64
	var done sync.WaitGroup
	for i := range 4 {
		f := fx.file(t)
		done.Go(func() {
			end, err := fill(t, f, uint64(i), 0)
			if err != syscall.ENOSPC {
				t.Error(err)
			}
			sum.Add(end)
		})
	}
	done.Wait()
	if sum.Load() != 10<<20 || mount.Usage().BytesUsed != 16<<20 {
		t.Errorf("%d bytes written, the mount has %d", sum.Load(), mount.Usage().BytesUsed)
	}
	u, err := fx.Usage()
	if err != nil || u.Free != 0 || u.Size != 16<<20 {
		t.Errorf("usage %+v, %v", u, err)
	}
	if err := fx.Resize(9 << 20); err != syscall.EINVAL {
		t.Errorf("resize below use: %v", err)
	}
}

// Memory is never used beyond the budget, of which the index is a part.
func TestIndexCountsAgainstTheBudget(t *testing.T) {
	m := newMarks(0)
	m.total, m.floor = 1200, 1024
	fx := newFixture(t, Options{}, m)
	f := fx.file(t)
	for i := range int64(6000) { // a chunk and an extent for each page
		mustWrite(t, f, numbered(1, i*chunkSize, pageSize), i*chunkSize)
	}
	fx.spillAll(t, f)
	st := fx.Stats()
	if want := 6000 * (chunkBytes + extentBytes); st.Index != want {
		t.Errorf("the index takes %d bytes, want %d", st.Index, want)
	}
	if got, want := fx.pool.available(), m.total-int(st.Index/pageSize); got != want || got >= m.total-100 {
		t.Errorf("%d pages available, want %d", got, want)
	}
	fx.check(t, f)
}

// However large the index is, there is room to write in, and writers are not held up for good.
func TestIndexLeavesRoom(t *testing.T) {
	for _, memory := range []int64{0, 64 << 20, 128 << 20, 1 << 30} {
		fx := newFixture(t, Options{}, newMarks(memory))
		fx.pool.index.Add(2 * memory)
		f := fx.file(t)
		var written atomic.Int64
		go func() {
			n, err := f.WriteAt(make([]byte, 1<<20), smallFile)
			if err != nil {
				t.Error(err)
			}
			written.Store(int64(n))
		}()
		wait(t, "a write beside an index as large as memory", func() bool { return written.Load() == 1<<20 })
	}
}
