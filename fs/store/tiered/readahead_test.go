package tiered

import (
	"slices"
	"syscall"
	"testing"
)

// inSequence reads all of f, a page at a time, and checks it.
func inSequence(t *testing.T, f *File, seed uint64, size int64) {
	t.Helper()
	for off := int64(0); off < size; off += pageSize {
		mustHold(t, f, numbered(seed, off, pageSize), off)
	}
}

// loading waits until nothing is being loaded, and returns how many windows are in use.
func (fx *fixture) loading(t *testing.T) (n int) {
	t.Helper()
	wait(t, "windows to be loaded", func() bool {
		fx.ahead.mu.Lock()
		defer fx.ahead.mu.Unlock()
		n = 0
		for i := range fx.ahead.windows {
			w := &fx.ahead.windows[i]
			switch {
			case w.file == nil:
			case w.ready:
				n++
			default:
				return false
			}
		}
		return true
	})
	return n
}

// A file that is read in sequence takes a read of the disk for each window, not for each extent.
func TestReadAheadOfASequence(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	f := fx.file(t)
	const size = 32 * chunkSize
	mustWrite(t, f, numbered(1, 0, size), 0)
	fx.spillAll(t, f)
	fx.disk.set(func(d *fakeDisk) { d.reads = 0 })
	inSequence(t, f, 1, size)
	fx.loading(t)
	fx.disk.set(func(d *fakeDisk) {
		if extents := size / pageSize / blockPages; d.reads >= extents/2 {
			t.Errorf("%d reads of the disk for %d extents", d.reads, extents)
		}
	})
	fx.check(t, f)
}

// Reads here and there load nothing else.
func TestNoReadAheadWithoutASequence(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	f := fx.file(t)
	const size = 256 * chunkSize
	mustWrite(t, f, numbered(1, 0, size), 0)
	fx.spillAll(t, f)
	fx.disk.set(func(d *fakeDisk) { d.reads = 0 })
	for i := range int64(64) {
		off := i * 101 % 128 * 2 * chunkSize
		mustHold(t, f, numbered(1, off, pageSize), off)
	}
	fx.disk.set(func(d *fakeDisk) {
		if d.reads != 64 {
			t.Errorf("64 reads took %d of the disk", d.reads)
		}
	})
}

// What is changed, cut off or punched out after it was loaded is read as it is now.
func TestReadAheadIsNotStale(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	f := fx.file(t)
	const size = 16 * chunkSize
	mustWrite(t, f, numbered(1, 0, size), 0)
	fx.spillAll(t, f)
	inSequence(t, f, 1, chunkSize)
	if fx.loading(t) == 0 {
		t.Fatal("nothing was read ahead")
	}
	mustWrite(t, f, numbered(2, chunkSize, chunkSize), chunkSize)
	fx.spillAll(t, f) // back on the disk, in other extents
	if err := f.Allocate(0x03, 2*chunkSize, chunkSize); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(3 * chunkSize); err != nil {
		t.Fatal(err)
	}
	mustHold(t, f, numbered(2, chunkSize, chunkSize), chunkSize)
	mustHold(t, f, make([]byte, chunkSize), 2*chunkSize)
	if n, err := f.ReadAt(make([]byte, pageSize), 3*chunkSize); n != 0 || err != nil {
		t.Errorf("past the end: %d, %v", n, err)
	}
	fx.check(t, f)
}

// What cannot be loaded is EIO for who reads it, and only then.
func TestReadAheadLeavesErrorsToReaders(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	f := fx.file(t)
	const size = 16 * chunkSize
	mustWrite(t, f, numbered(1, 0, size), 0)
	fx.spillAll(t, f)
	fx.disk.set(func(d *fakeDisk) { d.readErr = syscall.EIO })
	for off := int64(0); off < 8*pageSize; off += pageSize {
		if _, err := f.ReadAt(make([]byte, pageSize), off); err != syscall.EIO {
			t.Fatalf("page at %d: %v", off, err)
		}
	}
	fx.loading(t)
	fx.disk.set(func(d *fakeDisk) { d.readErr = nil })
	inSequence(t, f, 1, size)
	fx.check(t, f)
}

// Two files are read in turns, and others begun and left: windows find their way to who needs them.
func TestReadAheadOfSeveral(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	const size = 24 * chunkSize
	var files []*File
	for i := range 6 {
		f := fx.file(t)
		mustWrite(t, f, numbered(uint64(i), 0, size), 0)
		files = append(files, f)
	}
	for _, f := range files {
		fx.spillAll(t, f)
	}
	for i, f := range files[2:] {
		inSequence(t, f, uint64(i+2), chunkSize)
	}
	fx.disk.set(func(d *fakeDisk) { d.reads = 0 })
	for off := int64(0); off < size; off += pageSize {
		for i, f := range files[:2] {
			mustHold(t, f, numbered(uint64(i), off, pageSize), off)
		}
	}
	fx.loading(t)
	fx.disk.set(func(d *fakeDisk) {
		if extents := 2 * size / pageSize / blockPages; d.reads >= extents {
			t.Errorf("%d reads of the disk for %d extents", d.reads, extents)
		}
	})
	fx.check(t, files...)
}

// Of a file that is gone no plaintext stays in a buffer.
func TestReadAheadForgets(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	f := fx.file(t)
	mustWrite(t, f, numbered(1, 0, 16*chunkSize), 0)
	fx.spillAll(t, f)
	inSequence(t, f, 1, chunkSize)
	if fx.loading(t) == 0 {
		t.Fatal("nothing was read ahead")
	}
	f.Close()
	f.Free()
	if n := fx.loading(t); n != 0 {
		t.Errorf("%d windows are still in use", n)
	}
	for i := range fx.ahead.windows {
		if slices.ContainsFunc(fx.ahead.windows[i].buf, func(b byte) bool { return b != 0 }) {
			t.Errorf("window %d was not wiped", i)
		}
	}
}
