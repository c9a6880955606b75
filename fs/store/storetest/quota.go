package storetest

import (
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"vanishfs/fs/store"
)

// testQuotaParallel: parallel writers get the limit to the byte, and again after all was freed.
func testQuotaParallel(t *testing.T, newStore Maker) {
	const limit = 64 << 20
	s := limited(t, newStore, limit)
	// A chunk that is no multiple of a page ends in one that a write can be short in.
	for round := range 2 {
		files, sum := Fill(t, s, 8, 100_000)
		if sum != limit {
			t.Errorf("round %d: %d bytes written, want %d", round, sum, limit)
		}
		if got := used(t, s); got != limit {
			t.Errorf("round %d: %d bytes used, want %d", round, got, limit)
		}
		for _, f := range files {
			f.Close()
			f.Free()
		}
		if got := used(t, s); got != 0 {
			t.Errorf("round %d: %d bytes used after Free", round, got)
		}
	}
}

// Fill has that many writers write chunks, each to an open file of its own, until each got
// ENOSPC with nothing written. sum is what was written, bytes.
func Fill(t *testing.T, s store.Store, writers, chunk int) (files []store.File, sum int64) {
	var total atomic.Int64
	var wg sync.WaitGroup
	for range writers {
		f := newFile(t, s)
		files = append(files, f)
		wg.Go(func() {
			p := make([]byte, chunk)
			for off := int64(0); ; {
				n, err := f.WriteAt(p, off)
				off += int64(n)
				total.Add(int64(n))
				if err == nil {
					continue
				}
				if err != syscall.ENOSPC || n != 0 {
					t.Errorf("WriteAt: %d, %v, want 0, ENOSPC", n, err)
				}
				return
			}
		})
	}
	wg.Wait()
	return files, total.Load()
}

// testQuotaChurn: nothing is lost by files that come and go from several goroutines.
func testQuotaChurn(t *testing.T, newStore Maker) {
	s := limited(t, newStore, 8<<20)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { churn(t, s) })
	}
	wg.Wait()
	if got := used(t, s); got != 0 {
		t.Errorf("%d bytes used after everything was freed", got)
	}
}

// churn keeps some files around, so that they are reopened, and frees them in another order.
func churn(t *testing.T, s store.Store) {
	var kept []store.File
	for i := range 2000 {
		f, err := s.New()
		if err != nil {
			t.Error(err)
			return
		}
		if n, err := f.WriteAt(make([]byte, i%40*1000), int64(i%3)*page); err != nil && (n != 0 || err != syscall.ENOSPC) {
			t.Errorf("WriteAt: %d, %v", n, err)
		}
		f.Close()
		kept = append(kept, f)
		if len(kept) == 20 {
			for i := range kept {
				reuse(t, kept[(i*7)%len(kept)])
			}
			kept = kept[:0]
		}
	}
	for _, f := range kept {
		f.Free()
	}
}

func reuse(t *testing.T, f store.File) {
	if err := f.Open(); err != nil {
		t.Error(err)
	}
	if _, err := f.ReadAt(make([]byte, 100), 0); err != nil {
		t.Error(err)
	}
	f.Close()
	f.Free()
}

// testResize: the limit follows at once, and never below what is in use.
func testResize(t *testing.T, newStore Maker) {
	s := limited(t, newStore, 4*page)
	f := newFile(t, s)
	if n, err := f.WriteAt(make([]byte, 8*page), 0); n != 4*page || err != nil {
		t.Fatalf("WriteAt: %d, %v", n, err)
	}
	for range 20 { // refused as often as one likes
		wantErrno(t, "shrink below use", s.Resize(3*page), syscall.EINVAL)
	}
	wantErrno(t, "negative size", s.Resize(-1), syscall.EINVAL)
	resize(t, s, 6*page)
	if n, err := f.WriteAt(make([]byte, 4*page), 4*page); n != 2*page || err != nil {
		t.Fatalf("WriteAt after growing: %d, %v", n, err)
	}
	if err := f.Truncate(page); err != nil {
		t.Fatal(err)
	}
	resize(t, s, page)
	if n, err := f.WriteAt([]byte{1}, page); n != 0 || err != syscall.ENOSPC {
		t.Errorf("WriteAt after shrinking: %d, %v, want ENOSPC", n, err)
	}
	resize(t, s, 0)
	write(t, f, "more", 100*page)
	resize(t, s, 2*page)
	u, err := s.Usage()
	if want := (store.Usage{Size: 2 * page, Used: 2 * page}); err != nil || u != want {
		t.Errorf("usage %+v, %v, want %+v", u, err, want)
	}
}

func resize(t *testing.T, s store.Store, size int64) {
	t.Helper()
	if err := s.Resize(size); err != nil {
		t.Fatal(err)
	}
}

// testUnlimited: no limit shows as 0, with a sane number of free bytes.
func testUnlimited(t *testing.T, newStore Maker) {
	s := limited(t, newStore, 0)
	f := newFile(t, s)
	write(t, f, "x", 0)
	u, err := s.Usage()
	if err != nil {
		t.Fatal(err)
	}
	if u.Size != 0 || u.Used != page || u.Free < 1<<20 || u.Free > 1<<50 {
		t.Errorf("usage %+v", u)
	}
}

// testRefusals: the errnos that callers are to see.
func testRefusals(t *testing.T, newStore Maker) {
	s := limited(t, newStore, 1<<20)
	f := newFile(t, s)
	write(t, f, "x", 0)
	_, err := f.WriteAt([]byte("x"), -1)
	wantErrno(t, "write at -1", err, syscall.EINVAL)
	wantErrno(t, "truncate to -1", f.Truncate(-1), syscall.EINVAL)
	wantErrno(t, "allocate with an unknown mode", f.Allocate(0x8000, 0, 1), syscall.EOPNOTSUPP)
	_, err = f.Seek(0, 0)
	wantErrno(t, "seek with SEEK_SET", err, syscall.EINVAL)
	_, err = f.CopyTo(f, 0, 1, 2)
	wantErrno(t, "copy onto itself", err, syscall.EINVAL)
	n, err := f.ReadAt(make([]byte, 9), 1<<40)
	if n != 0 || err != nil {
		t.Errorf("read past the end: %d, %v", n, err)
	}
}
