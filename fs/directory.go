package fs

import (
	"maps"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
)

// A directory is what an inode has if it is one.
//
// Entries get cookies that only grow, so that a stream neither skips nor repeats
// an entry while others come and go: the position "after cookie c" means the
// same whatever happened in between. Removed entries leave a hole in order,
// which is squeezed out once half of it is holes, and children with it.
//
// INVARIANT: order is sorted by cookie; its entries that are not holes are the
// values of children.
type directory struct {
	mu sync.RWMutex
	// parent is the directory itself for the root. It is changed with mu and FS.renameMu held, and read with
	// either of them; atomic, as readdir and rename know a directory by its id alone, right from its creation.
	parent   atomic.Pointer[inode]
	children map[string]*dentry
	order    []position
	holes    int
	cookie   uint64 // the last one given
	dead     bool   // removed: nothing can be made in it
	removal  Removal
	reserved map[string]*reservation // names that one user may make; see reserve.go
	peak     int                     // the most entries since children was made
}

type position struct {
	cookie uint64
	entry  *dentry // nil is a hole
}

// Cookies of "." and ".."; entries come after them.
const (
	cookieDot = 1 + iota
	cookieDotDot
)

// names is all names, in no order.
func (d *directory) names() []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.Collect(maps.Keys(d.children))
}

func newDirectory(parent *inode) *directory {
	d := &directory{cookie: cookieDotDot}
	d.parent.Store(parent)
	return d
}

// insertLocked adds an entry; the name must not be in use.
// Precondition: d.mu is held.
func (d *directory) insertLocked(self *inode, name string, n *inode) *dentry {
	d.cookie++
	e := &dentry{parent: self, name: name, cookie: d.cookie, node: n}
	if d.children == nil {
		d.children = make(map[string]*dentry)
	}
	d.children[name] = e
	d.order = append(d.order, position{d.cookie, e})
	d.peak = max(d.peak, len(d.children))
	d.unreserveLocked(name)
	return e
}

// replaceLocked puts n in the place of an entry, with its name and position.
// Precondition: d.mu is held and e is in d.
func (d *directory) replaceLocked(e *dentry, n *inode) *dentry {
	r := &dentry{parent: e.parent, name: e.name, cookie: e.cookie, node: n}
	d.children[e.name] = r
	d.order[d.after(e.cookie-1)].entry = r
	return r
}

// renameLocked gives an entry another name, which must not be in use. It keeps its position.
// Precondition: d.mu is held and e is in d.
func (d *directory) renameLocked(e *dentry, name string) *dentry {
	r := &dentry{parent: e.parent, name: name, cookie: e.cookie, node: e.node}
	delete(d.children, e.name)
	d.children[name] = r
	d.order[d.after(e.cookie-1)].entry = r
	d.unreserveLocked(name)
	return r
}

// removeLocked takes an entry out.
// Precondition: d.mu is held and e is in d.
func (d *directory) removeLocked(e *dentry) {
	delete(d.children, e.name)
	if len(d.children) == 0 {
		d.children, d.order, d.holes, d.peak = nil, nil, 0, 0
		return
	}
	d.order[d.after(e.cookie-1)].entry = nil
	d.holes++
	if d.holes > 32 && d.holes > len(d.order)/2 {
		d.squeezeLocked()
	}
}

func (d *directory) squeezeLocked() {
	kept := make([]position, 0, len(d.children)+len(d.children)/4)
	for _, p := range d.order {
		if p.entry != nil {
			kept = append(kept, p)
		}
	}
	d.order, d.holes = kept, 0
	d.children, d.peak = shrunk(d.children, d.peak)
}

func (d *directory) empty() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.children) == 0
}

// after returns the index of the first position behind cookie.
// Precondition: d.mu is held, for reading at least.
func (d *directory) after(cookie uint64) int {
	return sort.Search(len(d.order), func(i int) bool { return d.order[i].cookie > cookie })
}
