package fs

import (
	"iter"
	"slices"
	"strings"
)

// An OpenFile is a file that somebody has open.
type OpenFile struct {
	Ino     uint64
	Path    string // one of its names, from the root of the mount, "/a/b"; "" if it has none any more
	Session string // that it belongs to; "" is the mount itself
	UID     uint32 // whose it is
	Handles int
	Size    int64 // bytes
}

// OpenFiles are the files that are open during the whole walk, and perhaps some that are opened or closed meanwhile. It looks at one
// file after the other, and no request waits for more than that.
func (f *FS) OpenFiles() iter.Seq[OpenFile] {
	return func(yield func(OpenFile) bool) {
		for n := range f.nodes.all() {
			if o, ok := f.openFile(n); ok && !yield(o) {
				return
			}
		}
	}
}

func (f *FS) openFile(n *inode) (o OpenFile, ok bool) {
	n.mu.Lock()
	if n.opens == 0 {
		n.mu.Unlock()
		return o, false
	}
	o = OpenFile{Ino: n.ino, UID: n.uid, Handles: int(n.opens), Size: int64(f.attrLocked(n).size)}
	n.mu.Unlock()
	if n.scope != nil {
		o.Session = n.scope.Name
	}
	o.Path = f.path(n)
	return o, true
}

// path is where n is found from the root, or was a moment ago; "" without a name.
func (f *FS) path(n *inode) string {
	var names []string
	for n != f.root {
		d := n.anyName()
		if d == nil {
			return ""
		}
		names = append(names, d.name)
		n = d.parent
	}
	slices.Reverse(names)
	return "/" + strings.Join(names, "/")
}
