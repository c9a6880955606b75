package fs

import (
	"syscall"

	"vanishfs/fs/store"
	"vanishfs/quota"
)

// Inodes are always charged here. Bytes are charged by the store itself, which
// holds one exact limit, unless limits nest (Options.AccountBytes): then every
// write reserves the pages it may need in the inode's domain, writes, and gives
// back what turned out not to be new.

// domain is what n is charged to.
func (f *FS) domain(n *inode) *quota.Domain { return f.scopeDomain(n.scope) }

func (f *FS) scopeDomain(s *Scope) *quota.Domain {
	if s != nil && s.Domain != nil {
		return s.Domain
	}
	return f.opts.Domain
}

// discharge gives back an inode and the bytes that were charged for it.
func (f *FS) discharge(n *inode, bytes int64) {
	d := f.domain(n)
	d.ReleaseInode()
	if bytes > 0 {
		d.ReleaseBytes(bytes)
	}
	n.scope.forget(n)
}

// span is the number of bytes in the pages that [off, off+n) touches.
func span(off, n int64) int64 {
	first := off / store.PageSize
	last := (off + n + store.PageSize - 1) / store.PageSize
	return (last - first) * store.PageSize
}

// accounted runs change, which may make up to want bytes of new pages in n's
// content. Partial says that fewer will do: change gets what could be reserved.
//
// Precondition: n is in use; n.mu is not held.
func (f *FS) accounted(n *inode, c store.File, want int64, partial bool, change func(granted int64) error) error {
	if !f.opts.AccountBytes {
		return change(want)
	}
	// One change at a time for each file: the difference in blocks must be this change's own.
	n.mu.Lock()
	defer n.mu.Unlock()
	d := f.domain(n)
	granted := want
	if partial {
		granted = d.ReserveUpTo(want)
	} else if err := d.ReserveBytes(want); err != nil {
		return syscall.ENOSPC
	}
	err := change(granted)
	a, aerr := c.Attr()
	if aerr != nil {
		a.Blocks = (n.bytes + granted) / 512
	}
	now := a.Blocks * 512
	if spare := n.bytes + granted - now; spare > 0 {
		d.ReleaseBytes(spare)
	}
	n.bytes = now
	return err
}
