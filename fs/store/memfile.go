package store

import (
	"sync"
	"sync/atomic"
)

// A memFile is small, since there is one for each file that exists (80 bytes).
type memFile struct {
	id uint64 // immutable, of the backing file's name

	mu    sync.Mutex
	opens int32 // guarded by mu
	dirty bool  // times are not yet in the backing file; guarded by mu
	freed bool  // guarded by mu
	// What the file's attributes are, as far as the backing file did not change since
	// they were taken: see observeLocked. Guarded by mu.
	atime, mtime Time
	ctime        int64 // ns since the epoch
	size, blocks int64 // see Attr

	// h is the file's hold on its backing file, Memory.absent if there is none: not while open. Stored by Open
	// under mu; when the file is closed, whoever evicted the handle swaps it for absent, without a lock.
	h atomic.Pointer[handle]
}

func (f *memFile) s() *Memory { return f.h.Load().s }

// Open implements File.
func (f *memFile) Open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.opens == 0 {
		h := f.h.Load()
		if !f.s().handles.reopen(h) {
			var err error
			if h, err = f.s().openHandle(f); err != nil {
				return f.s().errno("open", err)
			}
			f.h.Store(h)
		}
		if f.dirty {
			f.pushTimesLocked(h)
		}
	}
	f.opens++
	return nil
}

// Close implements File.
func (f *memFile) Close() {
	f.mu.Lock()
	if f.opens--; f.opens > 0 {
		f.mu.Unlock()
		return
	}
	if f.opens < 0 {
		f.opens = 0
		f.mu.Unlock()
		f.s().log.Error("memory store: close of a file that is not open", "file", f.id)
		return
	}
	h := f.h.Load()
	f.refreshLocked(h)
	victim := f.s().handles.park(h)
	f.mu.Unlock()
	f.s().evict(victim)
}

// Free implements File. The bytes are back when it returns, except those that a
// mapping made through passthrough still shows: they go with the mapping.
func (f *memFile) Free() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.opens != 0 || f.freed {
		f.s().log.Error("memory store: free of an open or freed file", "file", f.id)
		return
	}
	f.freed = true
	h := f.h.Swap(&f.s().absent)
	switch {
	case !f.s().handles.takeIdle(h):
		f.s().unlink(f.id)
	case f.blocks == 0 && f.size == 0:
		f.s().recycle(h, false)
	default:
		f.s().recycle(h, true)
	}
}

// Backing implements File.
func (f *memFile) Backing() (int32, bool) {
	h := f.h.Load()
	if !h.backed {
		return 0, false
	}
	h.lent.Store(true)
	h.fresh.Store(false)
	return h.backing, true
}

// Settled implements File.
func (f *memFile) Settled() bool {
	h := f.h.Load()
	return h.fd >= 0 && soleOpener(h.fd)
}

// fd is a descriptor for one operation; done is to be called after it. Past the
// budget of descriptors it is opened for that operation only.
func (f *memFile) fd() (fd int, err error) {
	h := f.h.Load()
	if h.fresh.Load() {
		h.fresh.Store(false)
	}
	if h.fd >= 0 {
		return h.fd, nil
	}
	return f.s().openByName(f.id)
}

func (f *memFile) done(fd int) {
	if f.h.Load().fd != fd {
		closeFD(fd)
	}
}
