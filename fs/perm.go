package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// On a private mount the kernel checks nothing (no default_permissions), which
// saves a GETATTR of the directory after each change in it. Only the owner of
// the mount, and root, get here at all (fs/fuse/dir.c, fuse_allow_current_process);
// what is left to refuse is what the mode bits refuse their owner.
//
// A directory without search permission is where this would leak: the kernel
// walks names that it has cached without asking. So entries below such a
// directory are never cached, and a chmod that takes the bit away drops those
// that are.

const (
	mayExec  = 1
	mayWrite = 2
	mayRead  = 4
)

// may says whether the caller has all of want on n, by the classes of POSIX.
// Root may do everything but execute what nobody can.
func (f *FS) may(n *inode, c *fuse.Caller, want uint32) error {
	n.mu.Lock()
	mode, uid, gid := n.mode, n.uid, n.gid
	n.mu.Unlock()
	if c.Uid == 0 {
		if want&mayExec != 0 && n.typ == syscall.S_IFREG && mode&0111 == 0 {
			return syscall.EACCES
		}
		return nil
	}
	switch {
	case c.Uid == uid:
		mode >>= 6
	case inGroup(c, gid):
		mode >>= 3
	}
	if mode&want == want {
		return nil
	}
	return syscall.EACCES
}

func (f *FS) maySearch(dir *inode, h *fuse.InHeader) error {
	return f.may(dir, &h.Caller, mayExec)
}

// mayChange is the check of every change of a directory's entries.
func (f *FS) mayChange(dir *inode, h *fuse.InHeader) error {
	if !f.opts.Private {
		return nil
	}
	return f.may(dir, &h.Caller, mayWrite|mayExec)
}

// mayRemove adds the rule of sticky directories (fs/namei.c, __check_sticky).
func (f *FS) mayRemove(dir, n *inode, h *fuse.InHeader) error {
	if !f.opts.Private {
		return nil
	}
	if err := f.mayChange(dir, h); err != nil {
		return err
	}
	dir.mu.Lock()
	sticky, owner := dir.mode&syscall.S_ISVTX != 0, dir.uid
	dir.mu.Unlock()
	if !sticky || h.Uid == 0 || h.Uid == owner {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.uid == h.Uid {
		return nil
	}
	return syscall.EPERM
}

// mayWriteXAttr and mayReadXAttr follow xattr_permission (fs/xattr.c).
func (f *FS) mayWriteXAttr(n *inode, h *fuse.InHeader) error {
	if !f.opts.Private {
		return nil
	}
	return f.may(n, &h.Caller, mayWrite)
}

func (f *FS) mayReadXAttr(n *inode, h *fuse.InHeader) error {
	if !f.opts.Private {
		return nil
	}
	return f.may(n, &h.Caller, mayRead)
}

// mayMoveDir is what a directory's own bits say of changing its parent
// (fs/namei.c, vfs_rename).
func (f *FS) mayMoveDir(n *inode, h *fuse.InHeader) error {
	if !f.opts.Private || !n.isDir() {
		return nil
	}
	return f.may(n, &h.Caller, mayWrite)
}

// mayOpen checks the access mode of an open.
func (f *FS) mayOpen(n *inode, h *fuse.InHeader, flags uint32) error {
	if !f.opts.Private {
		return nil
	}
	var want uint32
	switch flags & syscall.O_ACCMODE {
	case syscall.O_RDONLY:
		want = mayRead
	case syscall.O_WRONLY:
		want = mayWrite
	default: // 3, for ioctl only, wants both too (fs/open.c, ACC_MODE)
		want = mayRead | mayWrite
	}
	if flags&fuse.FMODE_EXEC != 0 {
		want = mayExec
	}
	if flags&syscall.O_TRUNC != 0 {
		want |= mayWrite
	}
	return f.may(n, &h.Caller, want)
}

// maySetAttr follows setattr_prepare (fs/attr.c).
func (f *FS) maySetAttr(n *inode, in *fuse.SetAttrInCommon) error {
	caller := &in.InHeader.Caller
	if caller.Uid == 0 {
		return nil
	}
	n.mu.Lock()
	uid, gid := n.uid, n.gid
	n.mu.Unlock()
	owner := caller.Uid == uid
	if to, ok := in.GetUID(); ok && (!owner || to != uid) {
		return syscall.EPERM
	}
	if to, ok := in.GetGID(); ok && (!owner || to != gid && !inGroup(caller, to)) {
		return syscall.EPERM
	}
	const explicit = fuse.FATTR_ATIME | fuse.FATTR_MTIME
	const byNow = fuse.FATTR_ATIME_NOW | fuse.FATTR_MTIME_NOW
	switch {
	case owner:
	case in.Valid&fuse.FATTR_MODE != 0:
		return syscall.EPERM
	case in.Valid&explicit != 0 && in.Valid&byNow == 0 && in.Valid&fuse.FATTR_SIZE == 0:
		return syscall.EPERM
	case in.Valid&byNow != 0:
		return f.may(n, caller, mayWrite)
	}
	if in.Valid&fuse.FATTR_SIZE != 0 && in.Valid&fuse.FATTR_FH == 0 {
		return f.may(n, caller, mayWrite)
	}
	return nil
}

// Access answers access(2) and chdir(2), which the kernel asks about only on a
// private mount.
func (f *FS) Access(_ <-chan struct{}, in *fuse.AccessIn) fuse.Status {
	if !f.opts.Private {
		return fuse.ENOSYS
	}
	if isMagic(in.NodeId) {
		return fuse.OK
	}
	n, err := f.byID(in.NodeId)
	if err != nil {
		return f.status("access", err)
	}
	return f.status("access", f.may(n, &in.InHeader.Caller, in.Mask&7))
}

// searchable says that every caller who gets here may search dir, so that the
// kernel may remember its entries.
func (f *FS) searchable(dir *inode) bool {
	if !f.opts.Private {
		return true
	}
	dir.mu.Lock()
	defer dir.mu.Unlock()
	return dir.mode&0100 != 0
}

// uncacheEntries makes the kernel ask again for the names in a directory that
// nobody may search any more. Where it cannot be told at once, or the caller has
// something mounted inside, that takes effect a moment after the chmod: its caller
// holds the directory's lock, which it takes to expire one name.
func (f *FS) uncacheEntries(dir *inode, pid uint32) {
	if !f.opts.Private || !mountsInside(pid) && f.kernel.ExpireEntries() == nil {
		return
	}
	f.notices.send(notice{parent: dir.id, expire: dir.dir})
}

func (f *FS) entryValid(dir *inode, valid uint64) uint64 {
	if f.searchable(dir) {
		return valid
	}
	return 0
}
