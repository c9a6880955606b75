package fs

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// modelNode is a file or directory of the naive model of the tree.
type modelNode struct {
	id       uint64
	children map[string]*modelNode // nil for a file
	parent   *modelNode
}

func (m *modelNode) isDir() bool { return m.children != nil }

func (m *modelNode) below(a *modelNode) bool {
	for ; m != nil; m = m.parent {
		if m == a {
			return true
		}
	}
	return false
}

// TestTreeModel does random changes of names on the tree and on a model that
// says in a few lines what POSIX wants, errors included.
func TestTreeModel(t *testing.T) {
	f := newTree(t, nil)
	u := root(f)
	rapid.Check(t, func(t *rapid.T) {
		top, err := u.mkdir(1, "top")
		if err != nil {
			t.Fatal(err)
		}
		m := &modelRun{u: u, top: &modelNode{id: top, children: map[string]*modelNode{}}}
		m.dirs = []*modelNode{m.top}
		t.Repeat(map[string]func(*rapid.T){
			"mkdir": m.mkdir, "create": m.create, "unlink": m.unlink, "rmdir": m.rmdir,
			"link": m.link, "rename": m.rename, "": m.compare,
		})
		m.clear(m.top)
		if err := u.rmdir(1, "top"); err != nil {
			t.Fatal(err)
		}
		for n := range f.nodes.all() {
			f.Forget(n.id, uint64(n.lookups.Load()))
		}
		checkTree(t, f, 0)
	})
}

type modelRun struct {
	u    user
	top  *modelNode
	dirs []*modelNode // also removed ones
}

func (m *modelRun) drawDir(t *rapid.T) *modelNode { return rapid.SampledFrom(m.dirs).Draw(t, "dir") }
func drawName(t *rapid.T) string                  { return fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "name")) }

// alive says whether d is still in the tree.
func (m *modelRun) alive(d *modelNode) bool { return d.below(m.top) }

func expect(t *rapid.T, got, want error) bool {
	if !errors.Is(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	return got == nil
}

// canMake is what making a name says before anything else.
func (m *modelRun) canMake(d *modelNode, name string) error {
	switch {
	case !m.alive(d):
		return syscall.ENOENT
	case d.children[name] != nil:
		return syscall.EEXIST
	}
	return nil
}

func (m *modelRun) mkdir(t *rapid.T) {
	d, name := m.drawDir(t), drawName(t)
	id, err := m.u.mkdir(d.id, name)
	if expect(t, err, m.canMake(d, name)) {
		n := &modelNode{id: id, children: map[string]*modelNode{}, parent: d}
		d.children[name] = n
		m.dirs = append(m.dirs, n)
	}
}

func (m *modelRun) create(t *rapid.T) {
	d, name := m.drawDir(t), drawName(t)
	id, err := m.u.create(d.id, name)
	if expect(t, err, m.canMake(d, name)) {
		m.u.release(id)
		d.children[name] = &modelNode{id: id}
	}
}

func (m *modelRun) unlink(t *rapid.T) {
	d, name := m.drawDir(t), drawName(t)
	var want error
	switch n := d.children[name]; {
	case n == nil:
		want = syscall.ENOENT
	case n.isDir():
		want = syscall.EISDIR
	}
	if expect(t, m.u.unlink(d.id, name), want) {
		delete(d.children, name)
	}
}

func (m *modelRun) rmdir(t *rapid.T) {
	d, name := m.drawDir(t), drawName(t)
	var want error
	n := d.children[name]
	switch {
	case n == nil:
		want = syscall.ENOENT
	case !n.isDir():
		want = syscall.ENOTDIR
	case len(n.children) > 0:
		want = syscall.ENOTEMPTY
	}
	if expect(t, m.u.rmdir(d.id, name), want) {
		delete(d.children, name)
		n.parent = nil
	}
}

func (m *modelRun) link(t *rapid.T) {
	from, d, oldName, name := m.drawDir(t), m.drawDir(t), drawName(t), drawName(t)
	n := from.children[oldName]
	if n == nil {
		return
	}
	want := m.canMake(d, name)
	if n.isDir() {
		want = syscall.EPERM
	}
	if expect(t, m.u.link(n.id, d.id, name), want) {
		d.children[name] = n
	}
}

func (m *modelRun) rename(t *rapid.T) {
	from, to, oldName, newName := m.drawDir(t), m.drawDir(t), drawName(t), drawName(t)
	flags := rapid.SampledFrom([]uint32{0, unix.RENAME_NOREPLACE, unix.RENAME_EXCHANGE, unix.RENAME_WHITEOUT, unix.RENAME_WHITEOUT | unix.RENAME_NOREPLACE}).Draw(t, "flags")
	n, target := from.children[oldName], to.children[newName]
	want := m.renameError(from, to, n, target, flags)
	if !expect(t, m.u.rename(from.id, oldName, to.id, newName, flags), want) || n == target {
		return
	}
	delete(from.children, oldName)
	if flags == unix.RENAME_EXCHANGE {
		from.children[oldName] = target
		if target.isDir() {
			target.parent = from
		}
	} else if target != nil && target.isDir() {
		target.parent = nil
	}
	to.children[newName] = n
	if n.isDir() {
		n.parent = to
	}
	if flags&unix.RENAME_WHITEOUT != 0 {
		from.children[oldName] = &modelNode{id: m.u.lookup(from.id, oldName)}
		if from.children[oldName].id == 0 {
			t.Fatalf("no whiteout in the place of %q", oldName)
		}
	}
}

func (m *modelRun) renameError(from, to, n, target *modelNode, flags uint32) error {
	exchange := flags == unix.RENAME_EXCHANGE
	switch {
	case n == nil, !m.alive(to):
		return syscall.ENOENT
	case target != nil && flags&unix.RENAME_NOREPLACE != 0:
		return syscall.EEXIST
	case target == nil && exchange:
		return syscall.ENOENT
	case from != to && n.isDir() && to.below(n):
		return syscall.EINVAL
	case target == nil:
		return nil
	case from != to && target.isDir() && from.below(target):
		if exchange {
			return syscall.EINVAL
		}
		return syscall.ENOTEMPTY
	case exchange || n == target:
		return nil
	case n.isDir() && !target.isDir():
		return syscall.ENOTDIR
	case !n.isDir() && target.isDir():
		return syscall.EISDIR
	case target.isDir() && len(target.children) > 0:
		return syscall.ENOTEMPTY
	}
	return nil
}

// compare looks every possible name up.
func (m *modelRun) compare(t *rapid.T) {
	for _, d := range m.dirs {
		for i := range 4 {
			name := fmt.Sprint(i)
			want := uint64(0)
			if n := d.children[name]; n != nil {
				want = n.id
			}
			if got := m.u.lookup(d.id, name); got != want {
				t.Fatalf("%q is %d, want %d", name, got, want)
			}
		}
	}
}

func (m *modelRun) clear(d *modelNode) {
	for name, n := range d.children {
		if !n.isDir() {
			m.u.unlink(d.id, name)
			continue
		}
		m.clear(n)
		m.u.rmdir(d.id, name)
	}
}
