package fs

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// scopedTree is a tree whose creators are all in the scope that now holds.
func scopedTree(t *testing.T) (f *FS, now *atomic.Pointer[Scope]) {
	now = new(atomic.Pointer[Scope])
	return newTree(t, func(o *Options) { o.ScopeOf = func(_, _ uint32) (*Scope, error) { return now.Load(), nil } }), now
}

// makers make something called name in the root directory.
func makers(u user) map[string]func(name string) error {
	in := fuse.CreateIn{InHeader: *u.at(1), Flags: syscall.O_RDWR, Mode: 0600}
	return map[string]func(name string) error{
		"create": func(name string) error { return errno(u.f.Create(nil, &in, name, new(fuse.CreateOut))) },
		"mkdir":  func(name string) error { _, err := u.mkdir(1, name); return err },
		"mknod": func(name string) error {
			return errno(u.f.Mknod(nil, &fuse.MknodIn{InHeader: *u.at(1), Mode: syscall.S_IFREG}, name, new(fuse.EntryOut)))
		},
		"symlink": func(name string) error {
			return errno(u.f.Symlink(nil, u.at(1), "target", name, new(fuse.EntryOut)))
		},
		"tmpfile": func(string) error { return errno(u.f.Tmpfile(nil, &in, new(fuse.CreateOut))) },
	}
}

// onlyRoot says what is left in the tree beside its root.
func onlyRoot(t *testing.T, f *FS) {
	t.Helper()
	f.root.dir.mu.RLock()
	defer f.root.dir.mu.RUnlock()
	if names, used := len(f.root.dir.children), f.opts.Domain.Usage().InodesUsed; names != 0 || used != 1 {
		t.Errorf("%d names are left, and %d inodes are charged, want the root's", names, used)
	}
}

// The scope ends between the question for it and the answer's use.
func TestEndedScopeTakesNothing(t *testing.T) {
	f, now := scopedTree(t)
	ended := new(Scope)
	now.Store(ended)
	f.EndScope(ended)
	for what, create := range makers(root(f)) {
		if err := create(what); err != syscall.ESTALE {
			t.Errorf("%s: %v, want ESTALE", what, err)
		}
		known := 0
		for range f.nodes.all() {
			known++
		}
		if known != 1 {
			t.Errorf("%s: %d inodes in the table, want the root", what, known)
		}
	}
	onlyRoot(t, f)
}

// The scope ends while what is made in it has no name yet.
func TestScopeEndsBeforeTheName(t *testing.T) {
	f, now := scopedTree(t)
	for what, create := range makers(root(f)) {
		if what == "tmpfile" {
			continue // it never has one
		}
		s := new(Scope)
		now.Store(s)
		f.root.dir.mu.Lock() // whom the name waits for
		done := make(chan error)
		go func() { done <- create(what) }()
		waitFor(t, "the inode is made", func() bool {
			made := 0
			for i := range s.members {
				s.members[i].mu.Lock()
				made += len(s.members[i].nodes)
				s.members[i].mu.Unlock()
			}
			return made == 1
		})
		f.EndScope(s)
		f.root.dir.mu.Unlock()
		if err := <-done; err != syscall.ESTALE {
			t.Errorf("%s: %v, want ESTALE", what, err)
		}
	}
	onlyRoot(t, f)
}

// What has no name at the end of its scope does not get one any more.
func TestScopeEndsTmpfile(t *testing.T) {
	f, now := scopedTree(t)
	s := new(Scope)
	now.Store(s)
	u := root(f)
	var out fuse.CreateOut
	if err := errno(f.Tmpfile(nil, &fuse.CreateIn{InHeader: *u.at(1), Flags: syscall.O_RDWR, Mode: 0600}, &out)); err != nil {
		t.Fatal(err)
	}
	f.EndScope(s)
	if _, err := u.write(out.NodeId, "still open"); err != nil {
		t.Errorf("write: %v", err)
	}
	if err := u.link(out.NodeId, 1, "name"); err != syscall.ENOENT {
		t.Errorf("link: %v, want ENOENT", err)
	}
	u.release(out.NodeId)
	onlyRoot(t, f)
}

// Whatever the order, nothing of an ended scope is left.
func TestScopesEndAmongCreators(t *testing.T) {
	const creators, each, scopes = 4, 300, 200
	f, now := scopedTree(t)
	now.Store(new(Scope))
	var all sync.WaitGroup
	for c := range creators {
		all.Go(func() {
			u := root(f)
			for i := range each {
				name := fmt.Sprintf("%d.%d", c, i)
				node, err := u.create(1, name)
				if err == syscall.ESTALE {
					continue
				}
				if err != nil {
					t.Errorf("create: %v", err)
					return
				}
				u.link(node, 1, name+".link")
				u.release(node)
				f.Forget(node, 1)
				if dir, err := u.mkdir(1, name+".dir"); err == nil {
					u.rename(1, name+".dir", 1, name+".moved", 0)
					f.Forget(dir, 1)
				}
			}
		})
	}
	for range scopes {
		f.EndScope(now.Swap(new(Scope)))
	}
	all.Wait()
	f.EndScope(now.Load())
	onlyRoot(t, f)
}

// What is to be kept stays until the mount ends.
func TestScopeSparesKept(t *testing.T) {
	f, now := scopedTree(t)
	s := new(Scope)
	now.Store(s)
	u := root(f)
	dir, err := u.mkdir(1, "dir")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.setXAttr(dir, RemoveAttr, "keep"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kept", "plain"} {
		for _, parent := range []uint64{1, dir} {
			node, err := u.create(parent, name)
			if err != nil {
				t.Fatal(err)
			}
			u.release(node)
		}
	}
	if err := u.setXAttr(u.lookup(1, "kept"), RemoveAttr, "keep"); err != nil {
		t.Fatal(err)
	}
	f.EndScope(s)
	for _, c := range []struct {
		parent uint64
		name   string
		stays  bool
	}{{1, "kept", true}, {1, "plain", false}, {1, "dir", true}, {dir, "kept", true}, {dir, "plain", true}} {
		node := u.lookup(c.parent, c.name)
		if stays := node != 0; stays != c.stays {
			t.Errorf("%s in %d stays: %v", c.name, c.parent, stays)
		}
		if node != 0 && node != dir {
			if err := u.open(node, syscall.O_RDWR); err != nil {
				t.Errorf("open %s: %v", c.name, err)
			}
			u.release(node)
		}
	}
	checkTree(t, f, 0)
}

// Who has a file of an ended scope open sees that it has no name any more.
func TestEndOfScopeIsSeen(t *testing.T) {
	k, s := new(hearingKernel), new(Scope)
	f := newTreeFor(t, k, Features{}, func(o *Options) { o.ScopeOf = func(_, _ uint32) (*Scope, error) { return s, nil } })
	node, err := root(f).create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	f.EndScope(s)
	waitFor(t, "the kernel is to ask for the attributes again", func() bool { return k.heard(told{"inode", node, ""}) })
}

// The time that the end of a scope takes is that of its size, however deep it is.
func TestEndOfDeepScope(t *testing.T) {
	f := newTree(t, nil)
	u := root(f)
	var dirs []*inode
	for at := uint64(1); len(dirs) < 1<<15; {
		dir, err := u.mkdir(at, "d")
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, f.nodes.get(dir))
		at = dir
	}
	var done atomic.Bool
	go func() {
		f.removeDirectories(dirs)
		done.Store(true)
	}()
	waitFor(t, "the directories are gone", done.Load)
	onlyRoot(t, f)
}
