package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// countsOpenDirs reports whether the kernel asks to open directories: the first answer decides for the whole mount
// (fs/fuse/file.c, fuse_file_open).
func (f *FS) countsOpenDirs() bool {
	return f.opts.MaxIdle > 0 || f.opts.Private && f.opts.Owner != 0
}

// OpenDir needs no handle to list, the position says it all: ENOSYS makes the kernel
// skip it from now on, RELEASEDIR too (FUSE_NO_OPENDIR_SUPPORT). But the check of read permission
// is an open's, where the tree checks (root has every), and what is open is not removed by age.
func (f *FS) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if !f.countsOpenDirs() {
		return fuse.ENOSYS
	}
	*out = fuse.OpenOut{OpenFlags: fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_CACHE_DIR} // as without OPENDIR (fs/fuse/file.c, fuse_file_open)
	if isMagic(in.NodeId) {
		return fuse.OK
	}
	n, err := f.byID(in.NodeId)
	if err == nil {
		if f.opts.Private {
			err = f.mayOpen(n, &in.InHeader, in.Flags)
		}
		if err == nil {
			n.openDir(1)
		}
	}
	return f.status("opendir", err)
}

// ReadDir lists names.
func (f *FS) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return f.list(in, out, func(e fuse.DirEntry, _ *inode) bool { return out.AddDirEntry(e) })
}

// ReadDirPlus lists names with attributes, and counts a lookup for each.
func (f *FS) ReadDirPlus(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	cacheable := uint64(forever)
	if dir := f.nodes.get(in.NodeId); dir != nil {
		cacheable = f.entryValid(dir, forever)
	}
	return f.list(in, out, func(e fuse.DirEntry, n *inode) bool {
		entry := out.AddDirLookupEntry(e)
		if entry == nil {
			return false
		}
		if n != nil {
			f.entry(n, entry)
			entry.EntryValid = min(entry.EntryValid, cacheable)
		}
		return true
	})
}

// list feeds the entries behind in.Offset to add until it takes no more. The
// node is nil for entries that are no lookup: "." and "..".
func (f *FS) list(in *fuse.ReadIn, out *fuse.DirEntryList, add func(fuse.DirEntry, *inode) bool) fuse.Status {
	if isMagic(in.NodeId) {
		return f.status("readdir", f.listMagic(in.NodeId, in.Offset, add))
	}
	dir, err := f.dirByID(in.NodeId)
	if err != nil {
		return f.status("readdir", err)
	}
	d := dir.dir
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.dead {
		return fuse.OK
	}
	if in.Flags&syscall.O_NOATIME == 0 {
		f.accessed(dir)
	}
	if in.Offset < cookieDot && !add(fuse.DirEntry{Name: ".", Ino: dir.ino, Mode: syscall.S_IFDIR, Off: cookieDot}, nil) {
		return fuse.OK
	}
	if in.Offset < cookieDotDot && !add(fuse.DirEntry{Name: "..", Ino: d.parent.Load().ino, Mode: syscall.S_IFDIR, Off: cookieDotDot}, nil) {
		return fuse.OK
	}
	for _, p := range d.order[d.after(in.Offset):] {
		if p.entry == nil {
			continue
		}
		n := p.entry.node
		if !add(fuse.DirEntry{Name: p.entry.name, Ino: n.ino, Mode: n.typ, Off: p.cookie}, n) {
			break
		}
	}
	return fuse.OK
}

// ReleaseDir is the end of what OpenDir began.
func (f *FS) ReleaseDir(in *fuse.ReleaseIn) {
	if n := f.nodes.get(in.NodeId); n != nil && n.isDir() {
		n.openDir(-1)
		f.dropIfUnused(n)
	}
}

// openDir counts the handles of a directory.
func (n *inode) openDir(by int32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.opens = max(n.opens+by, 0)
}

// StatFs answers for the caller's tightest domain.
func (f *FS) StatFs(_ <-chan struct{}, h *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	scope, _ := f.scopeOf(h) // who can create nothing is told of the mount
	u, err := f.usage(scope)
	if err != nil {
		return f.status("statfs", err)
	}
	const block = 4096
	*out = fuse.StatfsOut{
		Bsize: block, Frsize: block, NameLen: nameMax,
		Blocks: uint64(u.size / block), Bfree: uint64(u.free / block), Bavail: uint64(u.free / block),
		Files: uint64(u.inodes), Ffree: uint64(u.inodes - u.inodesUsed),
	}
	return fuse.OK
}
