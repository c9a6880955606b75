package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"vanishfs/fs/store"
)

// The magic path: every directory has a hidden child .vanish with new/, once/
// and status in it. Its nodes are not files: they belong to no quota, are never
// listed by their directory, and nothing is remembered of them: the id that the
// kernel has for one says what it is. The kernel keeps ids for as long as it
// likes, also of names that it was given without a timeout (fs/fuse/dir.c,
// fuse_dentry_delete is for virtiofs only), and anybody can look up any number.
//
// A name in new/ or once/ is a symlink whose target is made at each readlink,
// and following a path does exactly one. So two callers never get the same name.

const magicName = ".vanish"

type magicKind uint8

const (
	magicDir magicKind = 1 + iota
	magicNew
	magicOnce
	magicStatus
	magicTemplate
)

// An id of the magic path has magicBit, which no inode's has, the kind, and the id of the directory
// that it belongs to, or of a template where it is remembered: see templates.
const (
	magicBit  = 1 << 63
	kindShift = idBits
	idMask    = 1<<idBits - 1
)

func isMagic(id uint64) bool { return id&magicBit != 0 }

// magic is a node of the magic path.
type magic struct {
	id       uint64
	kind     magicKind
	dir      *inode // the directory whose .vanish this is or is below
	template string // of magicTemplate
	once     bool   // of magicTemplate
}

func magicOf(dir *inode, kind magicKind) magic {
	return magic{id: magicBit | uint64(kind)<<kindShift | dir.id, kind: kind, dir: dir}
}

// magicByID is byID for ids of the magic path. ESTALE: the directory is gone, or the template forgotten.
func (f *FS) magicByID(id uint64) (magic, error) {
	m := magic{id: id, kind: magicKind(id >> kindShift & 7)}
	dir := id & idMask
	switch m.kind {
	case magicDir, magicNew, magicOnce, magicStatus:
	case magicTemplate:
		t, ok := f.templates.get(id)
		if !ok {
			return m, syscall.ESTALE
		}
		m.template, m.once, dir = t.name, t.once, t.dir
	default:
		return m, syscall.ESTALE
	}
	var err error
	m.dir, err = f.dirByID(dir)
	return m, err
}

var magicEntries = []struct {
	name string
	kind magicKind
}{
	{"new", magicNew},
	{"once", magicOnce},
	{"status", magicStatus},
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

// magicAttr is attr for a node of the magic path: it is as old as its directory and has its owner.
func (f *FS) magicAttr(m *magic) attributes {
	born := store.Nanos(m.dir.btime)
	a := attributes{
		ino: m.id &^ magicBit, mode: m.kind.mode(), nlink: 1,
		atime: born, mtime: born, ctime: born, btime: born,
		stable: true, nameValid: f.nameValid,
	}
	if t, err := parseTemplate(m.template); err == nil && m.kind == magicTemplate {
		a.size = uint64(len(upToDir) + t.length())
	}
	m.dir.mu.Lock()
	defer m.dir.mu.Unlock()
	a.uid, a.gid = m.dir.uid, m.dir.gid
	return a
}

// magicEntry answers with a node of the magic path.
func (f *FS) magicEntry(m magic, out *fuse.EntryOut) {
	a := f.magicAttr(&m)
	a.entry(m.id, out)
}

// lookupMagic finds a name below .vanish.
func (f *FS) lookupMagic(h *fuse.InHeader, name string, out *fuse.EntryOut) error {
	m, err := f.magicByID(h.NodeId)
	if err != nil {
		return err
	}
	switch m.kind {
	case magicDir:
		for _, e := range magicEntries {
			if e.name == name {
				f.magicEntry(magicOf(m.dir, e.kind), out)
				return nil
			}
		}
		return syscall.ENOENT
	case magicNew, magicOnce:
		return f.lookupTemplate(&m, f.Caller(h), name, out)
	}
	return syscall.ENOTDIR
}

// lookupTemplate makes the symlink of a template. The kernel is to ask again each time.
func (f *FS) lookupTemplate(m *magic, uid uint32, name string, out *fuse.EntryOut) error {
	if err := checkName(name); err != nil {
		return err
	}
	if _, err := parseTemplate(name); err != nil {
		return err
	}
	once := m.kind == magicOnce
	id := f.templates.add(uid, asked{dir: m.dir.id, name: name, once: once})
	f.magicEntry(magic{id: id, kind: magicTemplate, dir: m.dir, template: name, once: once}, out)
	out.EntryValid = 0
	return nil
}

// upToDir leads from new/ or once/ to the directory that has the .vanish.
const upToDir = "../../"

// readMagic makes a name that is not in use, and reserves it.
func (f *FS) readMagic(h *fuse.InHeader) (string, error) {
	m, err := f.magicByID(h.NodeId)
	if err != nil {
		return "", err
	}
	if m.kind != magicTemplate {
		return "", syscall.EINVAL
	}
	t, err := parseTemplate(m.template)
	if err != nil {
		return "", err
	}
	name, err := f.reserve(m.dir, t, f.Caller(h), m.once)
	if err != nil {
		return "", err
	}
	return upToDir + name, nil
}

// listMagic lists .vanish; new/ and once/ are always empty.
func (f *FS) listMagic(id, offset uint64, add func(fuse.DirEntry, *inode) bool) error {
	m, err := f.magicByID(id)
	if err != nil {
		return err
	}
	if m.kind.mode()&syscall.S_IFMT != syscall.S_IFDIR {
		return syscall.ENOTDIR
	}
	entries := []fuse.DirEntry{
		{Name: ".", Ino: id &^ magicBit, Mode: syscall.S_IFDIR}, {Name: "..", Ino: m.dir.ino, Mode: syscall.S_IFDIR}}
	if m.kind == magicDir {
		for _, e := range magicEntries {
			entries = append(entries, fuse.DirEntry{Name: e.name, Mode: e.kind.mode(), Ino: magicOf(m.dir, e.kind).id &^ magicBit})
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
