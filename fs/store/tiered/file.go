package tiered

import (
	"sync"
	"sync/atomic"

	"vanishfs/fs/store"
	"vanishfs/fs/store/seal"
)

// File is a store.File.
type File struct {
	// Immutable.
	s  *Store
	id uint64

	opens atomic.Int32
	last  atomic.Int64 // index of the chunk that was used last, plus one
	read  atomic.Int64 // when atime was moved by a read, ns since the epoch, 0 is not; also set under a read lock

	sequence *sequence // guarded by readahead.mu; nil until the disk is read

	mu     sync.RWMutex
	chunks chunkMap
	key    *seal.Key  // nil until the first page is spilled
	size   int64      // bytes
	held   int64      // pages charged
	set    store.Time // atime, as long as read is 0
	mtime  store.Time
	ctime  store.Time
	freed  bool
}

var _ store.DiskFile = (*File)(nil)

// Open implements store.File.
func (f *File) Open() error {
	f.opens.Add(1)
	return nil
}

// Close implements store.File.
func (f *File) Close() {
	if f.opens.Add(-1) < 0 {
		f.opens.Store(0)
		f.s.log.Error("tiered store: close of a file that is not open", "file", f.id)
	}
}

// Backing implements store.File: the kernel must not go round the seal.
func (f *File) Backing() (int32, bool) { return 0, false }

// Settled implements store.File.
func (f *File) Settled() bool { return true }

// Free implements store.File. The key goes first: from then on nothing on the disk can be
// read, punched or not.
func (f *File) Free() {
	f.mu.Lock()
	if f.opens.Load() != 0 || f.freed {
		f.mu.Unlock()
		f.s.log.Error("tiered store: free of an open or freed file", "file", f.id)
		return
	}
	f.freed = true
	if f.key != nil {
		f.key.Forget()
	}
	var d debris
	f.discardLocked(0, maxSize, &d)
	f.mu.Unlock()
	f.s.collect(&d)
	f.s.ahead.forget(f)
}

// Attr implements store.File.
func (f *File) Attr() (store.Attr, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return store.Attr{
		Size:   f.size,
		Blocks: f.held * (pageSize / 512),
		Atime:  f.atimeLocked(),
		Mtime:  f.mtime,
		Ctime:  f.ctime,
	}, nil
}

// SetTimes implements store.File.
func (f *File) SetTimes(atime, mtime store.Time) error {
	if atime == store.Omit && mtime == store.Omit {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if atime != store.Omit {
		f.set = atime
		f.read.Store(0)
	}
	if mtime != store.Omit {
		f.mtime = mtime
	}
	f.ctime = store.Nanos(f.s.now())
	return nil
}

// modifiedLocked is what a change of content does to the times.
func (f *File) modifiedLocked() {
	now := store.Nanos(f.s.now())
	f.mtime, f.ctime = now, now
}

// atimeLocked is when the file was read last, or what was set since. The caller holds mu, for reading at least.
func (f *File) atimeLocked() store.Time {
	if read := f.read.Load(); read != 0 {
		return store.Nanos(read)
	}
	return f.set
}

// accessed moves atime as relatime does (fs/inode.c, relatime_need_update), but for its daily
// update. The caller holds mu for reading.
func (f *File) accessed() {
	if a := f.atimeLocked(); !a.After(f.mtime) || !a.After(f.ctime) {
		f.read.Store(f.s.now())
	}
}

// touch makes the chunk warmer, once for each time that the file's use comes to it. The caller
// holds mu, for reading at least.
func (f *File) touch(c *chunk) {
	if f.last.Swap(c.index+1) != c.index+1 && c.ram != nil {
		c.ram.warm()
	}
}
