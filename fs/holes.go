package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"vanishfs/fs/store"
)

// Stores to a shared mapping beyond the quota are to raise SIGBUS. On the direct plane the backing tmpfs does that.
// On the mediated plane the kernel makes a page writable without asking (fs/fuse/file.c, fuse_page_mkwrite) and
// sends the data later, when nobody can be told any more, and until then the store knows nothing of it. What the
// kernel does ask for is the page's content. So
//
// INVARIANT: while a handle is there that can be mapped shared and writable, no page that the kernel has cached is a
// hole in the store, but for the moment that it takes to have it forgotten.
//
// It holds since
//   - a READ of a hole that may be a fault's fills the hole, with zeros that are data to the store at once, or fails with
//     ENOSPC, which the fault turns into SIGBUS;
//   - the zeros that another READ gets are forgotten by the kernel at once;
//   - those that were cached before the first such handle are forgotten when that is opened.
//
// One page at a time is filled, as a fault does on tmpfs. A READ for several of which one is a hole fails: the kernel
// then reads the page that it needs alone (mm/filemap.c, filemap_fault and filemap_update_page).

// errAlone makes the kernel read one page alone.
const errAlone = syscall.EAGAIN

// prepareRead is called before a READ of length bytes is answered. It reports whether the kernel is to forget them again.
//
// Precondition: the content is held; n.mu is not.
func (f *FS) prepareRead(n *inode, c store.File, in *fuse.ReadIn, length int64) (forget bool, err error) {
	if in.ReadFlags&fuse.READ_LOCKOWNER != 0 {
		return false, nil // past the page cache (fs/fuse/file.c, fuse_send_read)
	}
	// A fault reads through the mapping's own handle (mm/filemap.c, filemap_fault): with one that cannot be mapped so,
	// nobody fills the holes of a file, at its owner's cost, that he may only read.
	fault := mapsWritable(in.Flags)
	if !fault && !n.isMappable() {
		return false, nil
	}
	off := int64(in.Offset)
	if c.Missing(off, length) == 0 {
		return false, f.fillReserved(n, c, off, length)
	}
	if length > store.PageSize {
		a, err := c.Attr()
		if err != nil {
			return false, err
		}
		within := min(length, a.Size-off) // a race with truncate is one with any store to the mapping too
		if within < length && c.Missing(off, within) == 0 {
			return false, f.fillReserved(n, c, off, within)
		}
		length = within
	}
	switch {
	case !fault || !f.looks.MayMap(in.Pid, f.Caller(&in.InHeader), n.ino):
		return true, nil
	case length > store.PageSize:
		return false, errAlone
	}
	err = f.accounted(n, c, off, length, false, func(bool, int64) error { return c.Fill(off, length) })
	f.blocksChanged(n)
	return false, err
}

// blocksChanged has the kernel forget what it was told of n's attributes, if it was since the last time: an answer that
// is under way is old to it then (fs/fuse/inode.c, fuse_change_attributes).
func (f *FS) blocksChanged(n *inode) {
	n.mu.Lock()
	told := n.told
	n.told = false
	n.mu.Unlock()
	if told {
		f.uncacher.forget(n.id, extent{})
	}
}

// fillReserved makes pages that are charged, but that fallocate(2) may have made, data. It costs nobody anything, as
// nothing is given back meanwhile.
func (f *FS) fillReserved(n *inode, c store.File, off, length int64) error {
	if length <= 0 || !n.hasReserved() {
		return nil
	}
	if hole, err := c.Seek(off, unix.SEEK_HOLE); err == nil && hole >= off+length {
		return nil
	}
	n.charging.Lock()
	defer n.charging.Unlock()
	if c.Missing(off, length) > 0 {
		return errAlone
	}
	return c.Fill(off, length)
}

// isMappable reports whether somebody may have n mapped shared and writable through the daemon.
func (n *inode) isMappable() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mappable > 0
}

// mayLook reports whether a READ may look at the caller's mappings, or fill a hole: it must not keep others waiting.
func (f *FS) mayLook(n *inode, c store.File, in *fuse.ReadIn) bool {
	if !mapsWritable(in.Flags) || in.ReadFlags&fuse.READ_LOCKOWNER != 0 {
		return false
	}
	return n.isCharging() || !f.looks.Seen(in.Pid, n.ino) && c.Missing(int64(in.Offset), int64(in.Size)) > 0
}

// keepsCacheLocked reports whether what the kernel has cached of n may stay when a handle is opened, and counts it.
// Precondition: n.mu is held, and the content is open.
func (n *inode) keepsCacheLocked(flags uint32) bool {
	if !mapsWritable(flags) {
		return true
	}
	n.mappable++
	if n.mappable > 1 || !n.wasRead {
		return true
	}
	n.wasRead = false
	a, err := n.file.Attr()
	return err == nil && !n.reserved && a.Blocks*512 >= a.Size
}
