package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"vanishfs/fs/store"
)

// Open opens a regular file. ESTALE, where the file vanished since the kernel
// looked its name up, makes the kernel look again (fs/namei.c, do_filp_open).
func (f *FS) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if isMagic(in.NodeId) {
		return f.status("open", f.openMagic(in, out))
	}
	n, err := f.byID(in.NodeId)
	if err != nil {
		return f.status("open", err)
	}
	return f.status("open", f.openNode(n, &in.InHeader, in.Flags, out))
}

func (f *FS) openNode(n *inode, h *fuse.InHeader, flags uint32, out *fuse.OpenOut) error {
	if n.typ != syscall.S_IFREG {
		return syscall.EINVAL
	}
	if err := f.acquire(n, h, flags); err != nil {
		return err
	}
	return f.openHeld(n, h, flags, out)
}

// acquire adds a handle to a regular file for a caller who may have it.
func (f *FS) acquire(n *inode, h *fuse.InHeader, flags uint32) error {
	if err := f.mayOpen(n, h, flags); err != nil {
		return err
	}
	return f.addHandle(n)
}

// openHeld does what else an open does; with an error it has given the handle back. The lock of no directory is held.
func (f *FS) openHeld(n *inode, h *fuse.InHeader, flags uint32, out *fuse.OpenOut) error {
	if flags&syscall.O_TRUNC != 0 {
		if err := f.truncateOpen(n, h.Uid); err != nil {
			f.dropHandle(n, syscall.O_WRONLY) // the kernel never heard of it
			return err
		}
	}
	if f.opened(n, flags, out) {
		f.uncacheAttributes(n)
	}
	return nil
}

func (f *FS) truncateOpen(n *inode, uid uint32) error {
	if err := f.truncate(n, 0); err != nil {
		return err
	}
	n.mu.Lock()
	mode := afterTruncation(n.mode, uid)
	changed := mode != n.mode
	n.mode = mode
	n.ctime = f.clock.now()
	err := n.file.SetTimes(store.Omit, store.Nanos(n.ctime))
	n.mu.Unlock()
	if changed {
		f.uncacheAttributes(n)
	}
	return err
}

// afterTruncation is what O_TRUNC leaves of a mode. For truncate(2) the kernel
// does it and sends a mode (fs/inode.c, dentry_needs_remove_privs).
func afterTruncation(mode, uid uint32) uint32 {
	if uid == 0 {
		return mode
	}
	if mode&syscall.S_IXGRP != 0 {
		mode &^= syscall.S_ISGID
	}
	return mode &^ syscall.S_ISUID
}

// uncacheAttributes makes the kernel ask for the attributes of n again. Other
// than what is said of directories, this takes no lock that a caller who waits
// for us may hold (fs/fuse/inode.c, fuse_reverse_inval_inode).
func (f *FS) uncacheAttributes(n *inode) { _ = f.kernel.InvalInode(n.id, -1, 0) }

// opened says how the kernel is to use a file with a handle, and returns whether
// that ends the caching of its attributes.
func (f *FS) opened(n *inode, flags uint32, out *fuse.OpenOut) (mapped bool) {
	*out = fuse.OpenOut{}
	n.mu.Lock()
	backing := n.backing
	if backing != 0 && mapsWritable(flags) && !n.mapped {
		n.mapped, mapped = true, true
	}
	keeps := backing == 0 && n.keepsCacheLocked(flags)
	n.mu.Unlock()
	switch {
	case backing != 0:
		out.OpenFlags = fuse.FOPEN_PASSTHROUGH
		out.BackingID = backing
	case !f.direct && keeps:
		// All changes come through this mount, and none past the daemon: cached pages stay right.
		out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	}
	return mapped
}

// Release is the end of a handle: of the last descriptor and mapping of it.
func (f *FS) Release(_ <-chan struct{}, in *fuse.ReleaseIn) {
	if isMagic(in.NodeId) {
		f.statuses.release(in.Fh)
		return
	}
	if n := f.nodes.get(in.NodeId); n != nil {
		f.dropHandle(n, in.Flags)
	}
}

// Flush would come at every close; ENOSYS stops it for good (fs/fuse/file.c,
// fuse_flush).
func (f *FS) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.ENOSYS }

// Fsync has nothing to do, as nothing here is to outlive the daemon. ENOSYS
// makes the kernel answer it itself, after writing back what is mapped
// (fs/fuse/file.c, fuse_fsync).
func (f *FS) Fsync(<-chan struct{}, *fuse.FsyncIn) fuse.Status { return fuse.ENOSYS }

// FsyncDir is Fsync.
func (f *FS) FsyncDir(<-chan struct{}, *fuse.FsyncIn) fuse.Status { return fuse.ENOSYS }
