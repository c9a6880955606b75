package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Lookup finds a name. A missing one is answered with node 0 and a timeout, so
// that the kernel remembers that too (fs/fuse/dir.c, fuse_lookup_name).
func (f *FS) Lookup(_ <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if len(name) > nameMax {
		return fuse.Status(syscall.ENAMETOOLONG)
	}
	if isMagic(h.NodeId) {
		return f.status("lookup", f.lookupMagic(h, name, out))
	}
	dir, err := f.dirByID(h.NodeId)
	if err != nil {
		return f.status("lookup", err)
	}
	if f.opts.Private {
		if err := f.maySearch(dir, h); err != nil {
			return f.status("lookup", err)
		}
	}
	switch name {
	case magicName:
		f.magicEntry(magicOf(dir, magicDir), out)
		return fuse.OK
	case ".":
		f.entry(dir, out)
		return fuse.OK
	case "..":
		dir.dir.mu.RLock()
		parent := dir.dir.parent.Load()
		dir.dir.mu.RUnlock()
		f.entry(parent, out)
		return fuse.OK
	}
	dir.dir.mu.RLock()
	defer dir.dir.mu.RUnlock()
	d := dir.dir.children[name]
	if d == nil {
		*out = fuse.EntryOut{EntryValid: f.entryValid(dir, forever)}
		return fuse.OK
	}
	f.entry(d.node, out)
	out.EntryValid = f.entryValid(dir, out.EntryValid)
	return fuse.OK
}

// entry answers with n and counts the lookup.
//
// Precondition: n has a name whose directory is locked, or another reason not
// to go away meanwhile.
func (f *FS) entry(n *inode, out *fuse.EntryOut) {
	n.lookups.Add(1)
	a := f.attr(n)
	a.entry(n.id, out)
}

func (a *attributes) entry(id uint64, out *fuse.EntryOut) {
	*out = fuse.EntryOut{NodeId: id, EntryValid: a.entryValid(), AttrValid: a.attrValid()}
	a.fill(&out.Attr)
}
