package fs

import (
	"syscall"

	"golang.org/x/sys/unix"

	"vanishfs/fs/store"
)

// allocateMost is how much is allocated at a time, bytes: some milliseconds. In between others get at the
// file, and a caller that is interrupted is let go.
const allocateMost = 16 << 20

// An allocation is one fallocate(2) of content that is held. It is all or nothing: what it has made is undone
// where it fails or is interrupted (mm/shmem.c, shmem_fallocate, does the same).
type allocation struct {
	f      *FS
	n      *inode
	c      store.File
	cancel <-chan struct{}
}

// run allocates in slices.
func (a *allocation) run(mode uint32, off, length int64) error {
	zero := mode&unix.FALLOC_FL_ZERO_RANGE != 0
	switch {
	case length <= allocateMost, mode&^(unix.FALLOC_FL_KEEP_SIZE|unix.FALLOC_FL_ZERO_RANGE) != 0, zero && !a.f.onDisk:
		if a.interrupted() {
			return syscall.EINTR
		}
		return a.change(mode, off, length, length)
	case zero: // nothing can be wanting any more when content goes
		if err := a.slices(unix.FALLOC_FL_KEEP_SIZE, off, length); err != nil {
			return err
		}
		for s := range parts(off, length) {
			if err := a.change(mode, s.off, s.length, s.length); err != nil {
				return err
			}
		}
		return nil
	}
	return a.slices(mode, off, length)
}

func (a *allocation) slices(mode uint32, off, length int64) error {
	if a.hopeless(off, length) {
		return syscall.ENOSPC
	}
	var made []extent
	for s := range parts(off, length) {
		if a.interrupted() {
			a.undo(made)
			return syscall.EINTR
		}
		// The last slice makes the file longer, if that is asked for.
		m := mode
		if s.off+s.length < off+length {
			m = unix.FALLOC_FL_KEEP_SIZE
		}
		missing := a.missing(s, nil)
		if err := a.change(m, s.off, s.length, s.length); err != nil {
			a.undo(made)
			return err
		}
		for _, e := range missing {
			made = appendExtent(made, e)
		}
	}
	return nil
}

// hopeless says that there is no room for so much: that is found out before anything is done.
func (a *allocation) hopeless(off, length int64) bool {
	u, err := a.f.store.Usage()
	switch {
	case err != nil, a.f.freeing.bytes.Load() > 0:
		return false
	case u.Size > 0 && store.Span(off, length) > u.Size: // as mm/shmem.c, shmem_fallocate
		return true
	case a.f.opts.AccountBytes:
		return a.c.Missing(off, length) > a.f.domain(a.n).Tightest().BytesFree()
	case a.f.onDisk:
		return a.c.Missing(off, length) > u.Free
	}
	return false
}

// change is Allocate, accounted for; makes is how many bytes at off it may add.
func (a *allocation) change(mode uint32, off, length, makes int64) error {
	return a.f.withRoom(func() error {
		return a.f.accounted(a.n, a.c, off, makes, false, func(bool, int64) error { return a.c.Allocate(mode, off, length) })
	})
}

func (a *allocation) interrupted() bool {
	select {
	case <-a.cancel:
		return true
	default:
		return false
	}
}

// undo gives back what was made and nobody has stored to since, through a mapping.
func (a *allocation) undo(made []extent) {
	for _, e := range made {
		for at := e.off; at < e.end(); {
			data, hole := a.content(at, e.end())
			if data > at {
				err := a.change(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, data-at, 0)
				a.f.status("take back an allocation", err)
			}
			at = hole
		}
	}
}

// content is where the next content of [at, end) begins and ends; end if there is none. What was
// allocated and not written is none.
func (a *allocation) content(at, end int64) (from, to int64) {
	from, err := a.c.Seek(at, unix.SEEK_DATA)
	if err != nil || from >= end { // ENXIO: none up to the end of the file
		return end, end
	}
	to, err = a.c.Seek(from, unix.SEEK_HOLE)
	if err != nil {
		return from, end
	}
	return from, min(to, end)
}

// missing appends the parts of s that are not there.
func (a *allocation) missing(s extent, to []extent) []extent {
	switch all, missing := store.Span(s.off, s.length), a.c.Missing(s.off, s.length); {
	case missing == 0:
		return to
	case missing >= all: // also of the pages that s has only a part of
		from := s.off / store.PageSize * store.PageSize
		return appendExtent(to, extent{from, all})
	}
	half := (s.off + s.length/2) / store.PageSize * store.PageSize
	if half <= s.off { // two pages, of the first one the end
		half += store.PageSize
	}
	to = a.missing(extent{s.off, half - s.off}, to)
	return a.missing(extent{half, s.end() - half}, to)
}

// parts are the slices of a range that are allocated at a time. They begin at multiples of
// allocateMost, so that no huge page is cut.
func parts(off, length int64) func(yield func(extent) bool) {
	return func(yield func(extent) bool) {
		for end := off + length; off < end; {
			n := min(allocateMost-off%allocateMost, end-off)
			if !yield(extent{off, n}) {
				return
			}
			off += n
		}
	}
}
