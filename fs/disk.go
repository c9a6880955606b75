package fs

import (
	"github.com/hanwen/go-fuse/v2/fuse"

	"vanishfs/fs/store"
)

// SlowRead says whether a READ may wait for a disk, or for a look at its caller, so
// that a transport does not let others wait with it.
func (f *FS) SlowRead(in *fuse.ReadIn) bool {
	if f.mayWait(in.NodeId, in.Offset, in.Size, false) {
		return true
	}
	if !mapsWritable(in.Flags) {
		return false
	}
	n := f.nodes.get(in.NodeId)
	if n == nil {
		return false
	}
	c, err := n.hold()
	if err != nil {
		return false
	}
	defer f.unhold(n)
	return f.mayLook(n, c, in)
}

// SlowWrite says whether a WRITE may wait for a disk.
func (f *FS) SlowWrite(in *fuse.WriteIn) bool {
	return f.mayWait(in.NodeId, in.Offset, in.Size, true)
}

func (f *FS) mayWait(node, off uint64, size uint32, write bool) bool {
	if !f.onDisk {
		return false
	}
	n := f.nodes.get(node)
	if n == nil {
		return false
	}
	c, err := n.hold()
	if err != nil {
		return false
	}
	defer f.unhold(n)
	if f.opts.AccountBytes && n.isCharging() {
		return true // it may wait for what itself waits for the disk
	}
	d, ok := c.(store.DiskFile)
	return ok && d.MayWait(int64(off), int64(size), write)
}
