package fs

import (
	"syscall"

	"vanishfs/fs/store"
)

// The content of a file is open while it has handles, and while a request
// holds it. Only the end of a handle is a close in the sense of the removal
// policy.

// addHandle counts a handle and stops a removal that lingers.
func (f *FS) addHandle(n *inode) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.vanished {
		return syscall.ESTALE
	}
	if err := n.openContentLocked(); err != nil {
		return err
	}
	if n.opens == 0 {
		f.choosePlaneLocked(n)
	}
	n.opens++
	if n.ext != nil && n.ext.linger != nil {
		f.lingering.cancel(n.ext.linger)
		n.ext.linger = nil
	}
	return nil
}

// dropHandle is the end of a handle. At the last one the policy of the file
// decides.
func (f *FS) dropHandle(n *inode, flags uint32) {
	n.mu.Lock()
	if n.opens == 0 {
		n.mu.Unlock()
		return
	}
	n.opens--
	if mapsWritable(flags) && n.mappable > 0 {
		n.mappable--
	}
	n.closeContentLocked()
	vanish := n.opens == 0 && n.nlink > 0 && n.removal == RemoveClose
	if vanish && f.linger() > 0 {
		f.lingerLocked(n)
		vanish = false
	}
	n.vanished = n.vanished || vanish
	// The kernel lets go of the backing file only after RELEASE; by FORGET it has, and so has
	// every mapping. It forgets at once what a caller has unlinked, but not what the tree has removed.
	n.untilForget = n.untilForget || n.backing != 0 && n.nlink == 0 && !n.vanished && f.mayWaitLocked(n)
	n.mu.Unlock()
	if vanish {
		f.removeNames(n)
	}
	f.dropIfUnused(n)
}

// FORGET comes milliseconds after what is its cause. Content that waits for it has
// room beside it, or is little:
const littleToWait = 64 << 10 // bytes

// mayWaitLocked says whether the content of n, which is losing its last name or
// handle, may wait to be freed until the kernel forgets n. It may not if the
// next file could need the room.
//
// Precondition: n.mu is held.
func (f *FS) mayWaitLocked(n *inode) bool {
	if n.file == nil {
		return false
	}
	a, err := n.file.Attr()
	if err != nil || a.Blocks*512 <= littleToWait {
		return err == nil
	}
	return f.roomBeside(a.Blocks * 512)
}

// choosePlaneLocked is for a file that gets its first handle: all
// handles of an inode must agree (fs/fuse/iomode.c). A file that is removed at
// its last close is mediated, as a mapping through passthrough holds the
// backing file and not the handle (fs/backing-file.c, backing_file_mmap):
// RELEASE would come while it is still in use.
//
// Precondition: n.mu is held, and the content is open.
func (f *FS) choosePlaneLocked(n *inode) {
	n.backing = 0 // the kernel's ids start at 1 (fs/fuse/backing.c, fuse_backing_id_alloc)
	if !f.direct || n.removal == RemoveClose {
		return
	}
	if id, ok := n.file.Backing(); ok {
		n.backing = id
	}
}

// hold keeps the content of a file that has a handle for one request. EBADF
// without one.
func (n *inode) hold() (store.File, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opens == 0 || n.file == nil {
		return nil, syscall.EBADF
	}
	n.held++
	return n.file, nil
}

// holdToRead is hold for a READ, after which the kernel has pages cached.
func (n *inode) holdToRead() (store.File, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opens == 0 || n.file == nil {
		return nil, syscall.EBADF
	}
	n.held++
	n.wasRead = n.wasRead || n.mappable == 0
	return n.file, nil
}

// holdClosed is hold for requests that need no handle, such as truncate(2).
func (n *inode) holdClosed() (store.File, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.openContentLocked(); err != nil {
		return nil, err
	}
	n.held++
	return n.file, nil
}

func (f *FS) unhold(n *inode) {
	n.mu.Lock()
	n.held--
	n.closeContentLocked()
	unused := n.nlink == 0
	n.mu.Unlock()
	if unused {
		f.dropIfUnused(n)
	}
}

// Precondition: n.mu is held, and what opens the content is not counted yet.
func (n *inode) openContentLocked() error {
	if n.file == nil {
		return syscall.ESTALE
	}
	if n.opens+n.held > 0 {
		return nil
	}
	return n.file.Open()
}

// Precondition: n.mu is held, and what held the content is not counted any more.
func (n *inode) closeContentLocked() {
	if n.opens+n.held == 0 && n.file != nil {
		n.file.Close()
	}
}
