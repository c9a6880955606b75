package fs

import (
	"syscall"

	"vanishfs/fs/store"
)

// On the direct plane a store to a mapping moves times and blocks of the backing
// file, and nobody hears of it: the kernel tells its own inode of reads only
// (fs/fuse/passthrough.c, fuse_passthrough_mmap), and the mapping outlives the
// handle. So from the first handle that can be mapped writable until there is neither
// a handle nor a mapping any more, attributes are not cached.
//
// The answer to CREATE may be: a new file has to grow before stores can follow,
// by SETATTR, or by WRITE or FALLOCATE, after which the kernel asks again.

// mapsWritable says whether a handle with these flags can be mapped shared and
// writable (mm/mmap.c, do_mmap).
func mapsWritable(flags uint32) bool { return flags&syscall.O_ACCMODE == syscall.O_RDWR }

// contentAttrLocked looks at the content itself where it may have changed since
// it was last closed, and notes that it cannot any more.
// Precondition: n.mu is held and n.file is not nil.
func (n *inode) contentAttrLocked() (store.Attr, error) {
	if n.mapped && n.opens+n.held == 0 {
		n.mapped = !n.settledLocked()
	}
	return n.file.Attr()
}

// settledLocked says whether the content, which no handle and no request holds, is not mapped past
// the daemon either; in doubt not. Attributes are those of now after it.
// Precondition: n.mu is held and n.file is not nil.
func (n *inode) settledLocked() bool {
	if n.file.Open() != nil {
		return false
	}
	defer n.file.Close()
	return n.file.Settled()
}
