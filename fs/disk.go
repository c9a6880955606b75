package fs

import (
	"github.com/hanwen/go-fuse/v2/fuse"

	"vanishfs/fs/store"
)

// SlowRead says whether a READ may wait for a disk, for a change of the file or for a look at its caller, so that a
// transport does not let others wait with it.
func (f *FS) SlowRead(in *fuse.ReadIn) bool {
	mappable := mapsWritable(in.Flags) // see prepareRead
	if !f.onDisk && !mappable {
		return false
	}
	n := f.nodes.get(in.NodeId)
	if n == nil {
		return false
	}
	if (f.onDisk || f.opts.AccountBytes) && f.waits(n, int64(in.Offset), int64(in.Size), false) {
		return true
	}
	if !mappable {
		return false
	}
	c, err := n.hold()
	if err != nil {
		return false
	}
	defer f.unhold(n)
	return f.mayLook(n, c, in)
}

// SlowWrite says whether a WRITE may wait for a disk, for another change of the file or for room to come.
func (f *FS) SlowWrite(in *fuse.WriteIn) bool {
	if f.roomIsShort() {
		return true
	}
	if !f.onDisk && !f.opts.AccountBytes {
		return false
	}
	n := f.nodes.get(in.NodeId)
	if n == nil {
		return false
	}
	// Close to a limit it is written page by page: see nearLimit.
	return f.opts.AccountBytes && f.domain(n).Tightest().BytesFree() < int64(in.Size) ||
		f.waits(n, int64(in.Offset), int64(in.Size), true)
}

// waits says whether n's content is such that a request waits. A request that reads or writes has a handle, so
// the content need not be held.
func (f *FS) waits(n *inode, off, size int64, write bool) bool {
	n.mu.Lock()
	c := n.file
	n.mu.Unlock()
	if f.opts.AccountBytes && n.isCharging() {
		return true // it may wait for what itself waits for the disk
	}
	d, ok := c.(store.DiskFile)
	return ok && d.MayWait(off, size, write)
}
