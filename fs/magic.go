package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// The magic path: every directory has a hidden child .vanish with new/, once/
// and status in it. Its nodes are not files: they are made when the kernel
// looks them up, belong to no quota, are never listed by their directory and go
// when the kernel forgets them.
//
// A name in new/ or once/ is a symlink whose target is made at each readlink,
// and following a path does exactly one. So its node has no state, and two
// callers never get the same name.

const magicName = ".vanish"

type magicKind uint8

const (
	magicDir magicKind = iota
	magicNew
	magicOnce
	magicStatus
	magicTemplate
)

// magic is what makes an inode a node of the magic path. All constant.
type magic struct {
	kind     magicKind
	dir      *inode // the directory whose .vanish this is below
	template string // of magicTemplate
	once     bool   // of magicTemplate
}

var magicEntries = []struct {
	name string
	kind magicKind
	mode uint32
}{
	{"new", magicNew, syscall.S_IFDIR | 0555},
	{"once", magicOnce, syscall.S_IFDIR | 0555},
	{"status", magicStatus, syscall.S_IFREG | 0444},
}

func (k magicKind) mode() uint32 {
	switch k {
	case magicStatus:
		return syscall.S_IFREG | 0444
	case magicTemplate:
		return syscall.S_IFLNK | 0777
	}
	return syscall.S_IFDIR | 0555
}

// lookupMagic answers with the one node of that kind in dir.
func (f *FS) lookupMagic(dir *inode, kind magicKind, out *fuse.EntryOut) error {
	dir.dir.mu.Lock()
	defer dir.dir.mu.Unlock()
	n := dir.dir.magic[kind]
	if n == nil {
		n = f.newMagic(dir, magic{kind: kind, dir: dir})
		if dir.dir.magic == nil {
			dir.dir.magic = make(map[magicKind]*inode)
		}
		dir.dir.magic[kind] = n
	}
	f.entry(n, out)
	return nil
}

// newMagic makes a node owned by the owner of its directory.
func (f *FS) newMagic(dir *inode, m magic) *inode {
	now := f.clock.now()
	mode := m.kind.mode()
	n := &inode{
		typ: mode & syscall.S_IFMT, mode: mode & 07777, nlink: 1,
		times: newTimes(mode&syscall.S_IFMT, now), ctime: now, btime: now, special: &special{magic: &m},
	}
	dir.mu.Lock()
	n.uid, n.gid = dir.uid, dir.gid
	dir.mu.Unlock()
	f.nodes.add(n, dir.id)
	return n
}

// lookupInMagic finds a name below .vanish.
func (f *FS) lookupInMagic(n *inode, m *magic, h *fuse.InHeader, name string, out *fuse.EntryOut) error {
	switch m.kind {
	case magicDir:
		for _, e := range magicEntries {
			if e.name == name {
				return f.lookupMagic(m.dir, e.kind, out)
			}
		}
		return syscall.ENOENT
	case magicNew, magicOnce:
		return f.lookupTemplate(n, m, name, out)
	}
	return syscall.ENOTDIR
}

// lookupTemplate makes the symlink of a template. The kernel is to forget it
// right after use: with no timeout the dentry goes at the last reference
// (fs/fuse/dir.c, fuse_dentry_delete).
func (f *FS) lookupTemplate(_ *inode, m *magic, name string, out *fuse.EntryOut) error {
	if err := checkName(name); err != nil {
		return err
	}
	t, err := parseTemplate(name)
	if err != nil {
		return err
	}
	n := f.newMagic(m.dir, magic{kind: magicTemplate, dir: m.dir, template: string([]byte(name)), once: m.kind == magicOnce})
	n.lookups.Add(1)
	a := f.attr(n)
	a.size = uint64(len(upToDir) + t.length())
	a.entry(n.id, out)
	out.EntryValid = 0
	return nil
}

// upToDir leads from new/ or once/ to the directory that has the .vanish.
const upToDir = "../../"

// readMagic makes a name that is not in use, and reserves it.
func (f *FS) readMagic(m *magic, h *fuse.InHeader) (string, error) {
	if m.kind != magicTemplate {
		return "", syscall.EINVAL
	}
	t, err := parseTemplate(m.template)
	if err != nil {
		return "", err
	}
	name, err := f.reserve(m.dir, t, reservation{uid: h.Uid, once: m.once})
	if err != nil {
		return "", err
	}
	return upToDir + name, nil
}

// dropMagic is dropIfUnused for nodes of the magic path.
func (f *FS) dropMagic(n *inode, m *magic) {
	m.dir.dir.mu.Lock()
	defer m.dir.dir.mu.Unlock()
	if n.lookups.Load() > 0 || n.freed {
		return
	}
	n.freed = true
	if m.dir.dir.magic[m.kind] == n {
		delete(m.dir.dir.magic, m.kind)
	}
	f.nodes.remove(n)
}

// listMagic lists .vanish; new/ and once/ are always empty.
func (f *FS) listMagic(n *inode, m *magic, offset uint64, add func(fuse.DirEntry, *inode) bool) error {
	if !m.isDir() {
		return syscall.ENOTDIR
	}
	entries := []fuse.DirEntry{{Name: ".", Ino: n.ino, Mode: syscall.S_IFDIR}, {Name: "..", Ino: m.dir.ino, Mode: syscall.S_IFDIR}}
	if m.kind == magicDir {
		for _, e := range magicEntries {
			entries = append(entries, fuse.DirEntry{Name: e.name, Mode: e.mode})
		}
	}
	for i, e := range entries {
		e.Off = uint64(i) + 1
		if e.Off > offset && !add(e, nil) {
			break
		}
	}
	return nil
}

func (m *magic) isDir() bool { return m.kind.mode()&syscall.S_IFMT == syscall.S_IFDIR }
