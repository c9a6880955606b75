package fs

import (
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"vanishfs/fs/store"
)

// forever is a timeout, seconds: all changes come through the mount, and what
// the daemon removes by itself is notified.
const forever = 1_000_000_000

// brief is the timeout of names where the tree removes files by age or at the end of sessions,
// seconds: it tells the kernel of none of them; see notifier.
const brief = 1

// preferredIO is st_blksize, bytes.
const preferredIO = 4096

// attributes is a consistent picture of an inode.
type attributes struct {
	ino, size, blocks   uint64
	atime, mtime, ctime store.Time
	btime               store.Time
	mode, nlink         uint32
	uid, gid            uint32
	nameValid           uint64 // seconds that the kernel may cache a name, if stable
	stable              bool   // what the kernel may cache
	mapped              bool   // see mapped.go
}

// attrLocked takes the picture. Errors of the store leave sizes at zero.
// Precondition: n.mu is held.
func (f *FS) attrLocked(n *inode) attributes {
	n.told = true
	a := attributes{
		ino: n.ino, ctime: store.Nanos(n.ctime), btime: store.Nanos(n.btime),
		mode: n.typ | n.mode, nlink: n.nlink, uid: n.uid, gid: n.gid,
		stable: n.removal != RemoveClose || n.typ != syscall.S_IFREG, nameValid: f.nameValid,
	}
	if n.times != nil {
		a.atime, a.mtime = n.times.atime, n.times.mtime
	} else {
		a.atime, a.mtime = a.btime, a.btime // of content that is given back
	}
	switch {
	case n.file != nil:
		c, err := n.contentAttrLocked()
		if err != nil {
			f.status("attributes", err)
			break
		}
		a.size, a.blocks, a.mapped = uint64(c.Size), uint64(c.Blocks), n.mapped
		if n.typ == syscall.S_IFREG {
			a.atime, a.mtime = c.Atime, c.Mtime
			if c.Ctime.After(a.ctime) {
				a.ctime = c.Ctime
			}
			f.clock.shown(max(c.Mtime.Nanos(), c.Ctime.Nanos()))
		}
	case n.special != nil:
		a.size = uint64(len(n.special.target))
	}
	return a
}

func (f *FS) attr(n *inode) attributes {
	if n.isDir() {
		n.dir.mu.RLock()
		defer n.dir.mu.RUnlock()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	a := f.attrLocked(n)
	if n.isDir() {
		a.size = dirSize(len(n.dir.children))
	}
	return a
}

// attrByID is attr for whatever the kernel can ask for.
func (f *FS) attrByID(id uint64) (attributes, error) {
	if isMagic(id) {
		m, err := f.magicByID(id)
		if err != nil {
			return attributes{}, err
		}
		return f.magicAttr(&m), nil
	}
	n, err := f.byID(id)
	if err != nil {
		return attributes{}, err
	}
	return f.attr(n), nil
}

// dirSize is what a directory of n entries shows as its size: 20 bytes an
// entry, "." and ".." included (mm/shmem.c, BOGO_DIRENT_SIZE).
func dirSize(n int) uint64 { return 20 * uint64(n+2) }

func (a *attributes) fill(out *fuse.Attr) {
	*out = fuse.Attr{
		Ino: a.ino, Size: a.size, Blocks: a.blocks, Mode: a.mode, Nlink: a.nlink,
		Owner: fuse.Owner{Uid: a.uid, Gid: a.gid}, Blksize: preferredIO,
	}
	out.Atime, out.Atimensec = onWire(a.atime)
	out.Mtime, out.Mtimensec = onWire(a.mtime)
	out.Ctime, out.Ctimensec = onWire(a.ctime)
}

// onWire is a time as the kernel's messages have it: seconds before 1970 are negative in two's complement.
func onWire(t store.Time) (sec uint64, nsec uint32) {
	s, nsec := t.Unix()
	return uint64(s), nsec
}

// entryValid and attrValid are the timeouts of a name and of the attributes, seconds.
func (a *attributes) entryValid() uint64 {
	if a.stable {
		return a.nameValid
	}
	return 0
}

func (a *attributes) attrValid() uint64 {
	if a.mapped || !a.stable {
		return 0
	}
	return forever
}

// GetAttr answers stat.
func (f *FS) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	a, err := f.attrByID(in.NodeId)
	if err != nil {
		return f.status("getattr", err)
	}
	a.fill(&out.Attr)
	out.AttrValid = a.attrValid()
	return fuse.OK
}

// Statx is GetAttr with the birth time, which the kernel asks for only where a
// program does (fs/fuse/dir.c, fuse_update_get_attr).
func (f *FS) Statx(_ <-chan struct{}, in *fuse.StatxIn, out *fuse.StatxOut) fuse.Status {
	a, err := f.attrByID(in.NodeId)
	if err != nil {
		return f.status("statx", err)
	}
	out.AttrValid = a.attrValid()
	const basicAndBirth = 0xfff // STATX_BASIC_STATS | STATX_BTIME
	out.Statx = fuse.Statx{
		Mask: basicAndBirth, Blksize: preferredIO, Nlink: a.nlink, Uid: a.uid, Gid: a.gid, Mode: uint16(a.mode),
		Ino: a.ino, Size: a.size, Blocks: a.blocks,
	}
	for _, t := range []struct {
		to *fuse.SxTime
		at store.Time
	}{{&out.Atime, a.atime}, {&out.Mtime, a.mtime}, {&out.Ctime, a.ctime}, {&out.Btime, a.btime}} {
		t.to.Sec, t.to.Nsec = onWire(t.at)
	}
	return fuse.OK
}

// SetAttr is chmod, chown, truncate and utimensat.
func (f *FS) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	n, err := f.byID(in.NodeId)
	if err != nil {
		return f.status("setattr", err)
	}
	if err := f.setAttr(n, &in.SetAttrInCommon); err != nil {
		return f.status("setattr", err)
	}
	a := f.attr(n)
	a.fill(&out.Attr)
	out.AttrValid = a.attrValid()
	return fuse.OK
}

func (f *FS) setAttr(n *inode, in *fuse.SetAttrInCommon) error {
	if f.opts.Private {
		if err := f.maySetAttr(n, in); err != nil {
			return err
		}
	}
	mode, chmod := in.GetMode()
	if chmod && f.opts.DenyChmod && mode&^0700 != 0 && !f.keepsModes(n) {
		return syscall.EPERM
	}
	if size, ok := in.GetSize(); ok {
		if err := f.truncate(n, size); err != nil {
			return err
		}
	}
	if err := f.changeAttr(n, in); err != nil {
		return err
	}
	if chmod && n.isDir() && mode&0100 == 0 {
		f.uncacheEntries(n, in.Pid)
	}
	return nil
}

func (f *FS) changeAttr(n *inode, in *fuse.SetAttrInCommon) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if mode, ok := in.GetMode(); ok {
		n.mode = f.allowedMode(n, mode)
	}
	if uid, ok := in.GetUID(); ok {
		n.uid = uid
	}
	if gid, ok := in.GetGID(); ok {
		n.gid = gid
	}
	n.ctime = f.clock.now()
	return f.setTimesLocked(n, in)
}

// keepsModes says that n has whatever mode it is given: everything in a POSIX
// mount, and the root, whose mode is the mount's and not that of a file.
func (f *FS) keepsModes(n *inode) bool { return f.opts.Posix || n == f.root || n.top }

// allowedMode is what becomes of a mode asked for.
func (f *FS) allowedMode(n *inode, mode uint32) uint32 {
	if f.keepsModes(n) {
		return mode & 07777
	}
	return mode & 0700
}

// newMode is the same for a file that is about to be made; the kernel has
// applied the umask.
func (f *FS) newMode(mode uint32) uint32 {
	if f.opts.Posix {
		return mode & 07777
	}
	return mode & 0700
}

// setTimesLocked applies atime, mtime and what truncate implies.
// Precondition: n.mu is held.
func (f *FS) setTimesLocked(n *inode, in *fuse.SetAttrInCommon) error {
	now := store.Nanos(n.ctime)
	atime, mtime := store.Omit, store.Omit
	switch {
	case in.Valid&fuse.FATTR_ATIME_NOW != 0:
		atime = now
	case in.Valid&fuse.FATTR_ATIME != 0:
		atime = store.TimeOf(int64(in.Atime), in.Atimensec)
	}
	switch {
	case in.Valid&fuse.FATTR_MTIME_NOW != 0, in.Valid&fuse.FATTR_SIZE != 0 && in.Valid&fuse.FATTR_MTIME == 0:
		mtime = now
	case in.Valid&fuse.FATTR_MTIME != 0:
		mtime = store.TimeOf(int64(in.Mtime), in.Mtimensec)
	}
	if atime == store.Omit && mtime == store.Omit {
		return nil
	}
	if n.times == nil {
		if n.file == nil { // its content is given back: nobody can see its times
			return nil
		}
		return n.file.SetTimes(atime, mtime)
	}
	if atime != store.Omit {
		n.times.atime = atime
	}
	if mtime != store.Omit {
		n.times.mtime = mtime
	}
	return nil
}

// aDay is after what time relatime moves a time of access in any case.
const aDay = 24 * time.Hour

// accessed moves the time of access of what is not a regular file as relatime does (fs/inode.c,
// relatime_need_update). The kernel knows that it may have moved (fs/fuse/dir.c, fuse_readlink_folio; readdir.c,
// fuse_readdir_uncached: fuse_invalidate_atime).
func (f *FS) accessed(n *inode) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.times == nil {
		return
	}
	now := f.clock.now()
	a := n.times.atime
	if !a.After(n.times.mtime) || !a.After(store.Nanos(n.ctime)) || store.Nanos(now-int64(aDay)).After(a) {
		n.times.atime = store.Nanos(now)
	}
}

// entriesChanged records a change of a directory's entries; links is what it
// adds to the link count.
func (n *inode) entriesChanged(links int, now int64) {
	n.mu.Lock()
	n.times.mtime, n.ctime = store.Nanos(now), now
	n.nlink = uint32(int(n.nlink) + links)
	n.mu.Unlock()
}
