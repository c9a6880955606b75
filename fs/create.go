package fs

import (
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// A maker describes an inode to be made.
type maker struct {
	typ, mode uint32
	target    string // of a symlink
	open      bool   // leave its content open, with one handle
}

// shortTarget is the length up to which a symlink's target is kept in the
// inode; longer ones are content and are charged as such (mm/shmem.c,
// SHORT_SYMLINK_LEN, which counts the zero at the end).
const shortTarget = 127

// newInode makes an inode without a name and charges it. It is in the table,
// with no lookups; f.dropIfUnused undoes everything. ESTALE: its scope has just ended.
func (f *FS) newInode(m maker, h *fuse.InHeader) (*inode, error) {
	if h.Uid == nobody || h.Gid == nobody { // ids that the mount maps to none (fs/namei.c, may_create; not vfs_rename)
		return nil, syscall.EOVERFLOW
	}
	scope, err := f.scopeOf(h)
	if err != nil {
		return nil, err
	}
	if err := f.scopeDomain(scope).ReserveInode(); err != nil {
		return nil, syscall.ENOSPC
	}
	now := f.clock.now()
	n := &inode{
		typ: m.typ, mode: m.mode, uid: h.Uid, gid: h.Gid,
		times: newTimes(m.typ, now), ctime: now, btime: now,
		scope: scope, charged: true,
	}
	if err := f.giveContent(n, m); err != nil {
		f.scopeDomain(scope).ReleaseInode()
		return nil, err
	}
	if m.typ == syscall.S_IFDIR {
		n.dir = newDirectory(nil)
	}
	f.nodes.add(n, h.NodeId)
	if !scope.remember(n) {
		f.abandon(n)
		return nil, syscall.ESTALE
	}
	return n, nil
}

func (f *FS) giveContent(n *inode, m maker) error {
	long := len(m.target) > shortTarget
	if m.typ == syscall.S_IFLNK && !long {
		n.special = &special{target: strings.Clone(m.target)}
	}
	if m.typ != syscall.S_IFREG && !long {
		return nil
	}
	c, err := f.store.New()
	if err != nil {
		return err
	}
	if long {
		if err := f.writeTarget(n, c, m.target); err != nil {
			c.Close()
			c.Free()
			return err
		}
	}
	n.file = c
	if m.open {
		n.opens++ // nobody else has n yet
	} else {
		c.Close()
	}
	return nil
}

func (f *FS) scopeOf(h *fuse.InHeader) (*Scope, error) {
	if f.opts.ScopeOf == nil {
		return nil, nil
	}
	return f.opts.ScopeOf(h.Pid, h.Uid)
}

// place gives n, which is new, its name in dir. ESTALE: its scope has just ended.
//
// Precondition: dir.dir.mu is held and the name is free.
func place(dir *inode, name string, n *inode, now int64) error {
	n.mu.Lock()
	if n.vanished {
		n.mu.Unlock()
		return syscall.ESTALE
	}
	n.addLinkLocked(dir.dir.insertLocked(dir, strings.Clone(name), n))
	n.nlink++
	links := 0
	if n.isDir() {
		n.nlink++ // "."
		links = 1 // ".."
	}
	n.mu.Unlock()
	dir.entriesChanged(links, now)
	return nil
}

// mayPlace says whether a name can be made in dir, and returns what has it now.
//
// Precondition: dir.dir.mu is held.
func (f *FS) mayPlaceLocked(dir *inode, name string, h *fuse.InHeader) (*dentry, error) {
	if dir.dir.dead {
		return nil, syscall.ENOENT
	}
	if d := dir.dir.children[name]; d != nil {
		return d, syscall.EEXIST
	}
	if !f.mayTakeLocked(dir.dir, name, h) {
		return nil, syscall.EEXIST
	}
	return nil, f.mayChange(dir, h)
}

// parentOf returns the directory that a request makes, removes or renames an
// entry of.
func (f *FS) parentOf(id uint64, name string) (*inode, error) {
	dir, err := f.byID(id)
	switch {
	case err != nil:
		return nil, err
	case !dir.isDir():
		return nil, syscall.ENOTDIR
	}
	return dir, checkName(name)
}

// add makes an inode with a name and answers with it.
func (f *FS) add(h *fuse.InHeader, name string, m maker, out *fuse.EntryOut) (*inode, error) {
	dir, err := f.parentOf(h.NodeId, name)
	if err != nil {
		return nil, err
	}
	if name == magicName {
		return nil, syscall.EEXIST
	}
	n, err := f.newInode(m, h)
	if err != nil {
		// What is there already comes first, as in the kernel.
		dir.dir.mu.RLock()
		defer dir.dir.mu.RUnlock()
		if dir.dir.children[name] != nil {
			return nil, syscall.EEXIST
		}
		return nil, err
	}
	dir.dir.mu.Lock()
	if _, err = f.mayPlaceLocked(dir, name, h); err == nil {
		f.inherit(dir, n, dir.dir.onceLocked(name))
		err = place(dir, name, n, n.btime)
	}
	if err != nil {
		dir.dir.mu.Unlock()
		f.abandon(n)
		return nil, err
	}
	f.entryOfNew(n, out)
	dir.dir.mu.Unlock()
	out.EntryValid = f.entryValid(dir, out.EntryValid)
	return n, nil
}

// entryOfNew answers with an inode that nobody can find yet. Its plane is chosen last:
// what was not lent out is as it was made, and need not be looked at.
func (f *FS) entryOfNew(n *inode, out *fuse.EntryOut) {
	f.entry(n, out)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opens > 0 {
		f.choosePlaneLocked(n)
	}
}

// inherit sets what a new inode takes from its directory, and whether it is to go at its last close whatever
// that says.
//
// Precondition: dir.dir.mu is held; n is not visible yet.
func (f *FS) inherit(dir, n *inode, once bool) {
	gid, setgid := f.groupOf(dir)
	if n.isDir() {
		n.dir.mu.Lock() // readdir finds n by its id alone
		n.dir.parent.Store(dir)
		n.dir.removal = dir.dir.removal
		n.dir.mu.Unlock()
	}
	n.mu.Lock() // the reaper and the end of a scope find n without a name
	defer n.mu.Unlock()
	n.removal = f.removal(dir.dir.removal)
	if once && n.typ == syscall.S_IFREG {
		n.removal = RemoveClose
	}
	if !setgid {
		return
	}
	n.gid = gid
	if n.isDir() {
		n.mode |= syscall.S_ISGID
	}
}

// groupOf is the rule of setgid directories (fs/inode.c, inode_init_owner).
func (f *FS) groupOf(dir *inode) (gid uint32, setgid bool) {
	if !f.opts.Posix {
		return 0, false
	}
	dir.mu.Lock()
	defer dir.mu.Unlock()
	return dir.gid, dir.mode&syscall.S_ISGID != 0
}

// abandon undoes newInode.
func (f *FS) abandon(n *inode) {
	n.mu.Lock()
	if n.opens > 0 {
		n.opens = 0
		n.file.Close()
	}
	n.mu.Unlock()
	f.dropIfUnused(n)
}

// Mknod makes regular files, FIFOs, sockets and whiteouts, which are character devices of number 0 that anybody
// may make (fs/namei.c, vfs_mknod). Other device nodes would be of no use on a nodev mount and are refused.
func (f *FS) Mknod(_ <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	m := maker{typ: in.Mode & syscall.S_IFMT, mode: f.newMode(in.Mode)}
	switch m.typ {
	case 0:
		m.typ = syscall.S_IFREG
	case syscall.S_IFREG, syscall.S_IFIFO, syscall.S_IFSOCK:
	case syscall.S_IFCHR:
		if in.Rdev != 0 {
			return fuse.EPERM
		}
	default:
		return fuse.EPERM
	}
	_, err := f.add(&in.InHeader, name, m, out)
	return f.status("mknod", err)
}

// Mkdir makes a directory.
func (f *FS) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	_, err := f.add(&in.InHeader, name, maker{typ: syscall.S_IFDIR, mode: f.newMode(in.Mode)}, out)
	return f.status("mkdir", err)
}

// Symlink makes a symlink.
func (f *FS) Symlink(_ <-chan struct{}, h *fuse.InHeader, target, name string, out *fuse.EntryOut) fuse.Status {
	_, err := f.add(h, name, maker{typ: syscall.S_IFLNK, mode: 0777, target: target}, out)
	return f.status("symlink", err)
}

// Create makes a regular file and opens it, or opens the one that came to be
// since the kernel looked.
func (f *FS) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	m := maker{typ: syscall.S_IFREG, mode: f.newMode(in.Mode), open: true}
	n, err := f.add(&in.InHeader, name, m, &out.EntryOut)
	if err == syscall.EEXIST && in.Flags&syscall.O_EXCL == 0 {
		return f.status("create", f.openExisting(in, name, out))
	}
	if err != nil {
		return f.status("create", err)
	}
	f.opened(n, in.Flags, &out.OpenOut)
	return fuse.OK
}

func (f *FS) openExisting(in *fuse.CreateIn, name string, out *fuse.CreateOut) error {
	dir, err := f.dirByID(in.NodeId)
	if err != nil {
		return err
	}
	n, err := f.acquireExisting(dir, in, name)
	if err != nil {
		return err
	}
	// The end of a handle removes names, and to empty a file takes time: not with the directory's lock held.
	if err := f.openHeld(n, &in.InHeader, in.Flags, &out.OpenOut); err != nil {
		return err
	}
	f.entry(n, &out.EntryOut)
	return nil
}

// acquireExisting returns the file of that name with one more handle.
func (f *FS) acquireExisting(dir *inode, in *fuse.CreateIn, name string) (*inode, error) {
	dir.dir.mu.RLock()
	defer dir.dir.mu.RUnlock()
	d := dir.dir.children[name]
	if d == nil || d.node.typ != syscall.S_IFREG {
		return nil, syscall.EEXIST
	}
	if !f.opts.Private {
		// The kernel did not know of the file, so it did not check its mode. It looks again
		// (fs/namei.c, do_filp_open).
		return nil, syscall.ESTALE
	}
	return d.node, f.acquire(d.node, &in.InHeader, in.Flags)
}

// Tmpfile makes a regular file without a name and opens it (FUSE_TMPFILE).
func (f *FS) Tmpfile(_ <-chan struct{}, in *fuse.CreateIn, out *fuse.CreateOut) fuse.Status {
	dir, err := f.dirByID(in.NodeId)
	if err != nil {
		return f.status("tmpfile", err)
	}
	if err := f.mayChange(dir, &in.InHeader); err != nil {
		return f.status("tmpfile", err)
	}
	n, err := f.newInode(maker{typ: syscall.S_IFREG, mode: f.newMode(in.Mode), open: true}, &in.InHeader)
	if err != nil {
		return f.status("tmpfile", err)
	}
	n.mu.Lock()
	n.unnamed = in.Flags&syscall.O_EXCL == 0
	n.mu.Unlock()
	dir.dir.mu.RLock()
	f.inherit(dir, n, false)
	dir.dir.mu.RUnlock()
	f.entryOfNew(n, &out.EntryOut)
	f.opened(n, in.Flags, &out.OpenOut)
	return fuse.OK
}
