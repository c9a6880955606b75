package tiered

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// fill writes numbered data from off on until a write fails, and returns the end and the error.
func fill(t tester, f *File, seed uint64, off int64) (end int64, err error) {
	t.Helper()
	for {
		n, err := f.WriteAt(numbered(seed, off, 3*chunkSize/2), off)
		off += int64(n)
		if err != nil {
			if n != 0 {
				t.Fatalf("error %v after %d bytes", err, n)
			}
			return off, err
		}
	}
}

// A full disk is ENOSPC at the write that needs it. All that was acknowledged is there, what
// fits into memory goes on, and room on the disk is used as soon as there is some.
func TestFullDisk(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	fx.disk.set(func(d *fakeDisk) { d.limit = 3000 })
	f, small := fx.file(t), fx.file(t)
	end, err := fill(t, f, 1, 0)
	if err != syscall.ENOSPC {
		t.Fatalf("at %d: %v", end, err)
	}
	if most := int64(3000+fx.pool.marks.total) * pageSize; end > most || end < most*9/10 {
		t.Errorf("%d bytes were taken, %d fit in memory and on the disk", end, most)
	}
	mustWrite(t, small, numbered(2, 0, 2*pageSize), 0) // the last frames are for these
	mustWrite(t, f, numbered(3, 0, 100), 0)
	mustHold(t, f, numbered(3, 0, 100), 0)
	mustHold(t, f, numbered(1, 0, int(end))[100:], 100)
	mustHold(t, small, numbered(2, 0, 2*pageSize), 0)
	if n := strings.Count(fx.log.String(), "cannot be spilled"); n != 1 {
		t.Errorf("said %d times that the disk is full:\n%s", n, fx.log)
	}

	fx.disk.set(func(d *fakeDisk) { d.limit += 500 })
	mustWrite(t, f, numbered(1, end, 1<<20), end)
	mustHold(t, f, numbered(1, 0, int(end)+1<<20)[100:], 100)
	fx.check(t, f, small)

	if err := f.Truncate(end / 2); err != nil {
		t.Fatal(err)
	}
	if again, err := fill(t, small, 2, 2*pageSize); err != syscall.ENOSPC || again < end/3 {
		t.Errorf("after truncating another file %d bytes could be written: %v", again, err)
	}
	mustHold(t, f, numbered(1, 0, int(end/2))[100:], 100)
}

// A disk that others have filled is not full while there is room in the spill file that is about to be given
// back to it: what was removed can be written again at once.
func TestFullDiskAfterRemoval(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	first, second, f := fx.file(t), fx.file(t), fx.file(t)
	for i, x := range []*File{first, second} {
		mustWrite(t, x, numbered(uint64(i), 0, 8<<20), 0)
		fx.spillAll(t, x)
	}
	first.Close()
	first.Free()
	wait(t, "the disk to have the space of the first back", func() bool {
		fx.space.mu.Lock()
		defer fx.space.mu.Unlock()
		return fx.space.slots.stale == 0
	})
	fx.disk.set(func(d *fakeDisk) { d.limit = len(d.pages) })
	end, err := fill(t, f, 3, 0)
	if err != syscall.ENOSPC {
		t.Fatal(err)
	}
	if err := second.Truncate(1 << 20); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, numbered(3, end, 4<<20), end)
	mustHold(t, f, numbered(3, 0, int(end)+4<<20), 0)
	fx.check(t, second, f)
}

// A filesystem that cannot punch holes is told of once, and what is free is used again.
func TestDiskThatKeepsSpace(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	fx.disk.set(func(d *fakeDisk) { d.punchErr = syscall.EOPNOTSUPP })
	f := fx.file(t)
	mustWrite(t, f, numbered(1, 0, 8<<20), 0)
	fx.spillAll(t, f)
	for i := range 3 {
		if err := f.Allocate(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(i)<<20, 1<<20); err != nil {
			t.Fatal(err)
		}
		wait(t, "the trimmer to try", func() bool {
			fx.disk.mu.Lock()
			defer fx.disk.mu.Unlock()
			return fx.disk.punches > i
		})
	}
	mustWrite(t, f, numbered(1, 0, 3<<20), 0)
	fx.spillAll(t, f)
	mustHold(t, f, numbered(1, 0, 8<<20), 0)
	fx.disk.set(func(d *fakeDisk) {
		if d.most >= 11<<20/pageSize {
			t.Errorf("%d pages of the disk were used: nothing twice", d.most)
		}
	})
	fx.check(t, f)
	if n := strings.Count(fx.log.String(), "cannot be given back"); n != 1 {
		t.Errorf("said %d times that space cannot be given back:\n%s", n, fx.log)
	}
}

// A disk that fails to write: EIO for what does not fit into memory, nothing lost.
func TestBrokenDisk(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	f := fx.file(t)
	mustWrite(t, f, numbered(1, 0, 8<<20), 0)
	fx.disk.set(func(d *fakeDisk) { d.writeErr = errors.New("controller on fire") })
	end, err := fill(t, f, 1, 8<<20)
	if err != syscall.EIO {
		t.Fatalf("at %d: %v", end, err)
	}
	mustHold(t, f, numbered(1, 0, int(end)), 0)
	if !strings.Contains(fx.log.String(), "controller on fire") {
		t.Errorf("not logged:\n%s", fx.log)
	}
	fx.disk.set(func(d *fakeDisk) { d.writeErr = nil })
	mustWrite(t, f, numbered(1, end, 8<<20), end)
	mustHold(t, f, numbered(1, 0, int(end)+8<<20), 0)
	if !strings.Contains(fx.log.String(), "can be spilled again") {
		t.Errorf("not logged:\n%s", fx.log)
	}
	fx.check(t, f)
}

// What was refused before does not stop memory from being used: clean pages make way.
func TestBrokenDiskDropsCleanPages(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	f, other := fx.file(t), fx.file(t)
	mustWrite(t, f, numbered(1, 0, 2<<20), 0)
	fx.spillAll(t, f)
	resume := fx.rest(t)
	for range 2 { // the second time it comes back
		mustHold(t, f, numbered(1, 0, 2<<20), 0)
	}
	if f.inMemory() == 0 {
		t.Fatal("nothing came back")
	}
	resume()
	fx.disk.set(func(d *fakeDisk) { d.writeErr = syscall.EIO })
	end, err := fill(t, other, 2, 0)
	if err != syscall.EIO || end < 3<<20 {
		t.Errorf("%d bytes fit beside clean pages: %v", end, err)
	}
	mustHold(t, f, numbered(1, 0, 2<<20), 0)
	mustHold(t, other, numbered(2, 0, int(end)), 0)
}

// What cannot be read is EIO for that range, with a log line; the rest is there.
func TestUnreadableDisk(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	f := fx.file(t)
	mustWrite(t, f, numbered(1, 0, 1<<20), 0)
	fx.spillAll(t, f)
	mustWrite(t, f, numbered(2, 0, 10*pageSize), 0)
	fx.disk.set(func(d *fakeDisk) { d.readErr = syscall.EIO })
	mustHold(t, f, numbered(2, 0, 10*pageSize), 0)
	if n, err := f.ReadAt(make([]byte, 10), 1<<19); n != 0 || err != syscall.EIO {
		t.Errorf("read: %d, %v", n, err)
	}
	if n, err := f.WriteAt([]byte("x"), 1<<19); n != 0 || err != syscall.EIO {
		t.Errorf("write into a page: %d, %v", n, err)
	}
	mustWrite(t, f, numbered(2, 1<<19, pageSize), 1<<19) // a whole page needs no reading
	mustHold(t, f, numbered(2, 1<<19, pageSize), 1<<19)
	if err := f.Truncate(1<<18 + 1); err != syscall.EIO {
		t.Errorf("truncate within an unreadable page: %v", err)
	}
	if !strings.Contains(fx.log.String(), "spilled data cannot be read") {
		t.Errorf("not logged:\n%s", fx.log)
	}
	fx.disk.set(func(d *fakeDisk) { d.readErr = nil })
	mustHold(t, f, numbered(1, 0, 1<<19)[10*pageSize:], 10*pageSize)
}

// Every way to tamper with the disk is EIO, never other bytes.
func TestTampering(t *testing.T) {
	for name, tamper := range map[string]func(d *fakeDisk){
		"one bit":  func(d *fakeDisk) { d.pages[2*pageSize][77] ^= 4 },
		"zeros":    func(d *fakeDisk) { d.pages[2*pageSize] = new([pageSize]byte) },
		"lost":     func(d *fakeDisk) { delete(d.pages, 2*pageSize) },
		"swapped":  func(d *fakeDisk) { d.pages[0], d.pages[4*pageSize] = d.pages[4*pageSize], d.pages[0] },
		"cut off":  func(d *fakeDisk) { d.size = pageSize },
		"replaced": func(d *fakeDisk) { copy(d.pages[0][:], bytes.Repeat([]byte("no"), pageSize/2)) },
	} {
		t.Run(name, func(t *testing.T) {
			fx := newFixture(t, Options{}, newMarks(0))
			f := fx.file(t)
			mustWrite(t, f, numbered(1, 0, 2*chunkSize), 0)
			fx.spillAll(t, f)
			fx.disk.set(tamper)
			failed := 0
			for off := int64(0); off < 2*chunkSize; off += pageSize {
				p := make([]byte, pageSize)
				n, err := f.ReadAt(p, off)
				switch {
				case err == syscall.EIO && n == 0:
					failed++
				case err != nil || !bytes.Equal(p, numbered(1, off, pageSize)):
					t.Errorf("page at %d: %d, %v, or other bytes", off, n, err)
				}
			}
			if failed == 0 {
				t.Error("nobody noticed")
			}
			if !strings.Contains(fx.log.String(), "altered") && name != "cut off" {
				t.Errorf("not logged:\n%s", fx.log)
			}
		})
	}
}

// A block that was written before, put back in its place, does not open.
func TestOldVersionPutBack(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	f := fx.file(t)
	mustWrite(t, f, numbered(1, 0, chunkSize), 0)
	fx.spillAll(t, f)
	old := map[int64][pageSize]byte{}
	fx.disk.set(func(d *fakeDisk) {
		for at, p := range d.pages {
			old[at] = *p
		}
	})
	mustWrite(t, f, numbered(2, 0, chunkSize), 0)
	fx.spillAll(t, f)
	fx.disk.set(func(d *fakeDisk) {
		for at, p := range old {
			d.pages[at] = &p
		}
		d.size = max(d.size, chunkSize)
	})
	p := make([]byte, chunkSize)
	if _, err := f.ReadAt(p, 0); err != syscall.EIO && !bytes.Equal(p, numbered(2, 0, chunkSize)) {
		t.Errorf("an old version was read: %v", err)
	}
}

// More cannot be promised than memory and disk have.
func TestAllocateKnowsTheDisk(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	fx.disk.set(func(d *fakeDisk) { d.limit = 1000 })
	f := fx.file(t)
	if err := f.Allocate(0, 0, 3000*pageSize); err != syscall.ENOSPC {
		t.Errorf("more than there is: %v", err)
	}
	if err := f.Allocate(0, 0, 1900*pageSize); err != nil {
		t.Error(err)
	}
	if a, _ := f.Attr(); a.Blocks != 1900*8 || f.inMemory() != 0 {
		t.Errorf("%d blocks, %d pages in memory", a.Blocks, f.inMemory())
	}
	fx.check(t, f)
	if err := f.Allocate(unix.FALLOC_FL_COLLAPSE_RANGE, 0, pageSize); err != syscall.EOPNOTSUPP {
		t.Errorf("collapse: %v", err)
	}
}

// Extreme offsets.
func TestExtremes(t *testing.T) {
	fx := newFixture(t, Options{}, tight)
	f := fx.file(t)
	if _, err := f.WriteAt([]byte("xy"), maxSize-1); err != syscall.EFBIG {
		t.Errorf("past the largest size: %v", err)
	}
	mustWrite(t, f, []byte("x"), maxSize-1)
	fx.spillAll(t, f)
	mustHold(t, f, []byte("x"), maxSize-1)
	if at, err := f.Seek(0, unix.SEEK_DATA); err != nil || at != maxSize/pageSize*pageSize {
		t.Errorf("data at %d: %v", at, err)
	}
	if at, err := f.Seek(maxSize-1, unix.SEEK_HOLE); err != nil || at != maxSize {
		t.Errorf("hole at %d: %v", at, err)
	}
	if err := f.Allocate(0, maxSize-1, 1); err != syscall.EFBIG {
		t.Errorf("allocate at the end: %v", err)
	}
	fx.check(t, f)
	f.Close()
	f.Free()
	fx.check(t)
	if u, _ := fx.Usage(); u.Used != 0 {
		t.Errorf("%d bytes are still charged", u.Used)
	}
}
