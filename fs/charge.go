package fs

import (
	"syscall"

	"vanishfs/fs/store"
	"vanishfs/quota"
)

// Inodes are always charged here. Bytes are charged by the store itself, which
// holds one exact limit, unless limits nest (Options.AccountBytes): then every
// write reserves the pages that are missing in the inode's domain, writes, and gives
// back what turned out not to be new.

// domain is what n is charged to.
func (f *FS) domain(n *inode) *quota.Domain { return f.scopeDomain(n.scope) }

func (f *FS) scopeDomain(s *Scope) *quota.Domain {
	if s != nil && s.Domain != nil {
		return s.Domain
	}
	return f.opts.Domain
}

// accounted runs change, which may make the pages that are missing in length bytes at off of
// n's content. Partial says that fewer will do: if it could not get all of them, change is told
// that it is short and how many bytes were granted.
//
// Precondition: n is in use; neither n.charging nor n.mu is held.
func (f *FS) accounted(n *inode, c store.File, off, length int64, partial bool, change func(short bool, granted int64) error) error {
	if !f.opts.AccountBytes {
		if length == 0 && n.hasReserved() { // see fillReserved
			n.charging.Lock()
			defer n.charging.Unlock()
		}
		return change(false, 0)
	}
	// One change at a time for each file: the difference in blocks must be this change's own. It can wait
	// for a disk, and n.mu must not wait with it.
	n.charging.Lock()
	defer n.charging.Unlock()
	d := f.domain(n)
	want := c.Missing(off, length) // no more: others may need it meanwhile
	granted := want
	if partial {
		granted = d.ReserveUpTo(want)
	} else if err := d.ReserveBytes(want); err != nil {
		return syscall.ENOSPC
	}
	err := change(granted < want, granted)
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

// isCharging says whether a change of the content goes on that others wait for. Between two slices of one that takes
// long charging is free, but not for long enough to answer a request.
func (n *inode) isCharging() bool {
	if n.changing.Load() > 0 || !n.charging.TryLock() {
		return true
	}
	n.charging.Unlock()
	return false
}
