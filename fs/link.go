package fs

import (
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Link makes one more name of a file, or the first of an O_TMPFILE one.
func (f *FS) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	return f.status("link", f.link(in, name, out))
}

func (f *FS) link(in *fuse.LinkIn, name string, out *fuse.EntryOut) error {
	dir, err := f.parentOf(in.NodeId, name)
	if err != nil {
		return err
	}
	n, err := f.byID(in.Oldnodeid)
	if err != nil {
		return err
	}
	if n.isDir() {
		return syscall.EPERM
	}
	if name == magicName {
		return syscall.EEXIST
	}
	dir.dir.mu.Lock()
	defer dir.dir.mu.Unlock()
	if _, err := f.mayPlaceLocked(dir, name, &in.InHeader); err != nil {
		return err
	}
	if err := f.addName(dir, name, n); err != nil {
		return err
	}
	f.entry(n, out)
	out.EntryValid = f.entryValid(dir, out.EntryValid)
	return nil
}

// addName gives n, which is no directory, one more name. Each but the first is
// charged as an inode (mm/shmem.c, shmem_link): names are memory too.
//
// Precondition: dir.dir.mu is held and the name is free.
func (f *FS) addName(dir *inode, name string, n *inode) error {
	now := f.clock.now()
	n.mu.Lock()
	err := f.addNameLocked(dir, name, n, now)
	n.mu.Unlock()
	if err == nil {
		dir.entriesChanged(0, now)
	}
	return err
}

// addNameLocked looks whether n is still there and links it in one step, so
// that it cannot be dropped in between.
//
// Precondition: also n.mu is held.
func (f *FS) addNameLocked(dir *inode, name string, n *inode, now int64) error {
	if n.vanished || n.nlink == 0 && !n.unnamed {
		return syscall.ENOENT
	}
	if n.nlink > 0 && f.domain(n).ReserveInode() != nil {
		return syscall.ENOSPC
	}
	n.addLinkLocked(dir.dir.insertLocked(dir, strings.Clone(name), n))
	n.nlink++
	n.unnamed, n.untilForget = false, false
	n.ctime = now
	return nil
}

// Unlink removes a name of anything but a directory.
func (f *FS) Unlink(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	dir, err := f.parentOf(h.NodeId, name)
	if err != nil {
		return f.status("unlink", err)
	}
	if name == magicName {
		return fuse.EPERM
	}
	dir.dir.mu.Lock()
	d := dir.dir.children[name]
	switch {
	case d == nil:
		err = syscall.ENOENT
	case d.node.isDir():
		err = syscall.EISDIR
	default:
		err = f.mayRemove(dir, d.node, h)
	}
	if err != nil {
		dir.dir.mu.Unlock()
		return f.status("unlink", err)
	}
	n := d.node
	f.unplace(dir, d, f.clock.now())
	dir.dir.mu.Unlock()
	f.dropIfUnused(n)
	f.awaitRoom()
	return fuse.OK
}

// unplace takes the name d away from its inode, which must not be a directory
// that still is one; f.dropIfUnused comes next, without the lock.
//
// Precondition: dir.dir.mu is held and d is in dir.
func (f *FS) unplace(dir *inode, d *dentry, now int64) {
	dir.dir.removeLocked(d)
	f.unname(dir, d, now, false)
}

// unname is unplace for an entry that is out of the directory already, or is replaced: then an open of that name
// under way is to find the old file if not the new one, also when the next rename comes as it tries again
// (fs/namei.c, do_filp_open).
func (f *FS) unname(dir *inode, d *dentry, now int64, replaced bool) {
	n := d.node
	links := 0
	n.mu.Lock()
	n.dropLinkLocked(d)
	n.nlink--
	if n.isDir() {
		n.nlink = 0
		links = -1
	}
	n.ctime = now
	charged := n.nlink > 0
	if replaced && !charged {
		n.untilForget = f.mayWaitLocked(n)
	}
	n.mu.Unlock()
	if charged {
		f.domain(n).ReleaseInode()
	}
	dir.entriesChanged(links, now)
}

// Rmdir removes an empty directory. Its magic path does not count.
func (f *FS) Rmdir(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	dir, err := f.parentOf(h.NodeId, name)
	if err != nil {
		return f.status("rmdir", err)
	}
	if name == magicName {
		return fuse.EPERM
	}
	dir.dir.mu.Lock()
	d := dir.dir.children[name]
	switch {
	case d == nil:
		err = syscall.ENOENT
	case !d.node.isDir():
		err = syscall.ENOTDIR
	default:
		err = f.mayRemove(dir, d.node, h)
	}
	var n *inode
	if err == nil {
		n = d.node
		err = f.killIfEmpty(n)
	}
	if err != nil {
		dir.dir.mu.Unlock()
		return f.status("rmdir", err)
	}
	f.unplace(dir, d, f.clock.now())
	dir.dir.mu.Unlock()
	f.dropIfUnused(n)
	return fuse.OK
}

// killIfEmpty marks a directory as removed.
//
// Precondition: the lock of its parent is held.
func (f *FS) killIfEmpty(n *inode) error {
	n.dir.mu.Lock()
	defer n.dir.mu.Unlock()
	if len(n.dir.children) > 0 {
		return syscall.ENOTEMPTY
	}
	n.dir.dead = true
	n.dir.reserved = nil
	return nil
}
