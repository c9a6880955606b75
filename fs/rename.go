package fs

import (
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Rename moves a name, with all flags of renameat2(2). Whoever looks for the target finds the old file or the
// new one, never nothing; with RENAME_WHITEOUT the same holds for the source.
func (f *FS) Rename(_ <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	from, err := f.parentOf(in.NodeId, oldName)
	if err != nil {
		return f.status("rename", err)
	}
	to, err := f.parentOf(in.Newdir, newName)
	if err != nil {
		return f.status("rename", err)
	}
	if oldName == magicName || newName == magicName {
		return fuse.EPERM
	}
	const one = unix.RENAME_EXCHANGE | unix.RENAME_WHITEOUT
	if in.Flags&^(unix.RENAME_NOREPLACE|one) != 0 || in.Flags&one == one {
		return fuse.EINVAL
	}
	r := rename{f: f, h: &in.InHeader, from: from, to: to, oldName: oldName, newName: newName, flags: in.Flags}
	if in.Flags&unix.RENAME_WHITEOUT == 0 {
		return f.status("rename", r.run())
	}
	if r.whiteout, err = f.newInode(maker{typ: syscall.S_IFCHR}, r.h); err != nil { // as mm/shmem.c, shmem_whiteout
		return f.status("rename", err)
	}
	err = r.run()
	f.dropIfUnused(r.whiteout)
	return f.status("rename", err)
}

// A rename is one RENAME request under way.
type rename struct {
	f                *FS
	h                *fuse.InHeader
	from, to         *inode
	oldName, newName string
	flags            uint32

	source, target *dentry // target is nil where nothing is replaced
	replaced       *inode
	whiteout       *inode // what is to have the old name, nil is nothing
}

func (r *rename) run() error {
	unlock := r.f.lockPair(r.from, r.to)
	err := r.lockedRun()
	unlock()
	if err == nil && r.replaced != nil {
		r.f.dropIfUnused(r.replaced)
		r.f.awaitRoom()
	}
	return err
}

// lockPair locks two directories for a change of both. Where they differ,
// renameMu comes first: it keeps the tree's shape, so that the ancestor check
// holds, and makes this the only holder of two directory locks whose order is
// not from parent to child.
func (f *FS) lockPair(a, b *inode) (unlock func()) {
	if a == b {
		a.dir.mu.Lock()
		return a.dir.mu.Unlock
	}
	f.renameMu.Lock()
	first, second := a, b
	if f.isAncestor(b, a) || !f.isAncestor(a, b) && b.ino < a.ino {
		first, second = b, a
	}
	first.dir.mu.Lock()
	second.dir.mu.Lock()
	return func() {
		second.dir.mu.Unlock()
		first.dir.mu.Unlock()
		f.renameMu.Unlock()
	}
}

// isAncestor says whether a is n or above it.
// Precondition: f.renameMu is held, so that parents are constant.
func (f *FS) isAncestor(a, n *inode) bool {
	for {
		if n == a {
			return true
		}
		if n == f.root || n.dir.parent.Load() == nil {
			return false
		}
		n = n.dir.parent.Load()
	}
}

// Precondition: the directories are locked.
func (r *rename) lockedRun() error {
	r.source = r.from.dir.children[r.oldName]
	r.target = r.to.dir.children[r.newName]
	if err := r.check(); err != nil {
		return err
	}
	switch {
	case r.flags&unix.RENAME_EXCHANGE != 0:
		if r.source.node != r.target.node {
			r.exchange()
		}
		return nil
	case r.target == nil:
	case r.target.node == r.source.node:
		return nil // two names of one file: rename(2) leaves both
	default:
		if r.target.node.isDir() {
			if err := r.f.killIfEmpty(r.target.node); err != nil {
				return err
			}
		}
		r.replaced = r.target.node
	}
	r.move()
	return nil
}

// check refuses what rename(2) refuses, in the order of vfs_rename.
func (r *rename) check() error {
	switch {
	case r.source == nil:
		return syscall.ENOENT
	case r.to.dir.dead:
		return syscall.ENOENT
	case r.target != nil && r.flags&unix.RENAME_NOREPLACE != 0:
		return syscall.EEXIST
	case r.target == nil && r.flags&unix.RENAME_EXCHANGE != 0:
		return syscall.ENOENT
	case r.target == nil && !r.f.mayTakeLocked(r.to.dir, r.newName, r.h):
		return syscall.EEXIST
	}
	n := r.source.node
	if r.from != r.to && n.isDir() && r.f.isAncestor(n, r.to) {
		return syscall.EINVAL
	}
	if err := r.f.mayRemove(r.from, n, r.h); err != nil {
		return err
	}
	if r.from != r.to {
		if err := r.f.mayMoveDir(n, r.h); err != nil {
			return err
		}
	}
	if r.target == nil {
		return r.f.mayChange(r.to, r.h)
	}
	return r.checkTarget(n, r.target.node)
}

func (r *rename) checkTarget(n, t *inode) error {
	if r.from != r.to && t.isDir() && r.f.isAncestor(t, r.from) {
		if r.flags&unix.RENAME_EXCHANGE != 0 {
			return syscall.EINVAL
		}
		return syscall.ENOTEMPTY
	}
	if err := r.f.mayRemove(r.to, t, r.h); err != nil {
		return err
	}
	switch {
	case r.flags&unix.RENAME_EXCHANGE != 0:
		if r.from != r.to {
			return r.f.mayMoveDir(t, r.h)
		}
	case n.isDir() && !t.isDir():
		return syscall.ENOTDIR
	case !n.isDir() && t.isDir():
		return syscall.EISDIR
	}
	return nil
}

func (r *rename) move() {
	now := r.f.clock.now()
	n := r.source.node
	if r.target != nil {
		r.f.unname(r.to, r.target, now, true)
	}
	r.put(n, r.source, r.moveEntry(), now)
	if r.whiteout != nil {
		r.leaveWhiteout()
	}
	r.reparent(n, r.to)
	moved := 0
	if n.isDir() && r.from != r.to {
		moved = 1
	}
	r.from.entriesChanged(-moved, now)
	r.to.entriesChanged(moved, now)
}

// moveEntry puts the new name where a reader of the directory sees it once: in the place of the file that it
// replaces, or in the old one of the same directory. If it came last, whoever renames what he reads would read it
// again, and never come to the end.
func (r *rename) moveEntry() *dentry {
	switch {
	case r.target != nil:
		r.from.dir.removeLocked(r.source)
		return r.to.dir.replaceLocked(r.target, r.source.node)
	case r.from == r.to:
		return r.to.dir.renameLocked(r.source, strings.Clone(r.newName))
	}
	r.from.dir.removeLocked(r.source)
	return r.to.dir.insertLocked(r.to, strings.Clone(r.newName), r.source.node)
}

// leaveWhiteout gives the old name to the whiteout, unless the session that it belongs to has just ended.
func (r *rename) leaveWhiteout() {
	w := r.whiteout
	r.f.inherit(r.from, w, false)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.vanished {
		w.addLinkLocked(r.from.dir.insertLocked(r.from, strings.Clone(r.oldName), w))
		w.nlink++
	}
}

// put gives n the name to instead of from.
func (r *rename) put(n *inode, from, to *dentry, now int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dropLinkLocked(from)
	n.addLinkLocked(to)
	n.ctime = now
}

func (r *rename) exchange() {
	now := r.f.clock.now()
	a, b := r.source.node, r.target.node
	r.put(a, r.source, r.to.dir.replaceLocked(r.target, a), now)
	r.put(b, r.target, r.from.dir.replaceLocked(r.source, b), now)
	r.reparent(a, r.to)
	r.reparent(b, r.from)
	moved := 0
	if r.from != r.to {
		if a.isDir() {
			moved++
		}
		if b.isDir() {
			moved--
		}
	}
	r.from.entriesChanged(-moved, now)
	r.to.entriesChanged(moved, now)
}

// reparent sets what ".." of a directory is.
func (r *rename) reparent(n, parent *inode) {
	if !n.isDir() || r.from == r.to {
		return
	}
	n.dir.mu.Lock()
	n.dir.parent.Store(parent)
	n.dir.mu.Unlock()
}
