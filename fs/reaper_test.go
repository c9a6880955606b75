package fs

import (
	"math"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

const anyAge = math.MaxInt64 // everything was changed before

// What is mounted apart is not removed like a directory in it.
func TestAgeSparesTops(t *testing.T) {
	f := newTree(t, func(o *Options) { o.Trees = 2 })
	f.removeIdle(anyAge)
	for _, name := range []string{"0", "1"} {
		if root(f).lookup(1, name) == 0 {
			t.Errorf("%s is gone", name)
		}
	}
	checkTree(t, f, 0)
}

// A file that gets another name while its age is looked at goes, or is as it was.
func TestAgeBesideRename(t *testing.T) {
	f := newTree(t, nil)
	u := root(f)
	for range 20000 {
		node := u.createForgotten(t, "a")
		var wg sync.WaitGroup
		wg.Go(func() { u.rename(1, "a", 1, "b", 0) })
		wg.Go(func() { f.removeIdle(anyAge) })
		wg.Wait()
		for _, name := range []string{"a", "b"} {
			if u.lookup(1, name) == 0 {
				continue
			}
			if err := u.open(node, syscall.O_RDONLY); err != nil {
				t.Fatalf("%s is there, but cannot be opened: %v", name, err)
			}
			u.release(node)
			if err := u.unlink(1, name); err != nil {
				t.Fatal(err)
			}
		}
		forget(f, node)
	}
}

// forget is the kernel's FORGET of all that it was told of a node.
func forget(f *FS, node uint64) {
	if n := f.nodes.get(node); n != nil {
		f.Forget(node, uint64(n.lookups.Load()))
	}
}

// What the kernel knows may be in use; it is asked to forget it, what is below a directory first.
func TestAgeSparesKnown(t *testing.T) {
	f := newTree(t, nil)
	u := root(f)
	d, err := u.mkdir(1, "d")
	if err != nil {
		t.Fatal(err)
	}
	want := []uint64{}
	dot := u.lookup(d, magicName)
	for _, name := range []string{"new", "once", "status"} {
		want = append(want, u.lookup(dot, name))
	}
	want = append(want, u.lookup(want[0], "template"), dot, d)
	known := f.removeIdle(anyAge)
	place := func(i int) int { return slices.Index(known, want[i]) }
	if len(known) != len(want) || place(3) > place(0) || max(place(0), place(1), place(2)) > place(4) || place(4) > place(5) {
		t.Errorf("to be forgotten are %v, want %v with the last first", known, want)
	}
	if f.nodes.get(d) == nil {
		t.Fatal("a directory is gone that the kernel knows")
	}
	for _, id := range known {
		forget(f, id)
	}
	if known := f.removeIdle(anyAge); len(known) > 0 {
		t.Errorf("to be forgotten again are %v", known)
	}
	if f.nodes.get(d) != nil {
		t.Error("a directory stays that nobody knows")
	}
	checkTree(t, f, 0)
}

// What is in an open directory stays, and in one that is not open any more goes.
func TestAgeSparesBelowOpen(t *testing.T) {
	f := newTree(t, func(o *Options) { o.MaxIdle = time.Hour })
	u := root(f)
	d, err := u.mkdir(1, "d")
	if err != nil {
		t.Fatal(err)
	}
	e, err := u.mkdir(d, "e")
	if err != nil {
		t.Fatal(err)
	}
	node := u.createFilled(t, "a", 1)
	if err := u.rename(1, "a", e, "a", 0); err != nil {
		t.Fatal(err)
	}
	u.release(node)
	forget(f, node)
	opened := func(dir uint64) {
		t.Helper()
		if s := f.OpenDir(nil, &fuse.OpenIn{InHeader: *u.at(dir)}, new(fuse.OpenOut)); s != fuse.OK {
			t.Fatal(s)
		}
	}
	opened(d)
	f.removeIdle(anyAge)
	if f.nodes.get(node) == nil {
		t.Error("a file is gone from an open directory")
	}
	f.ReleaseDir(&fuse.ReleaseIn{InHeader: *u.at(d)})
	opened(1) // the top protects nothing
	f.removeIdle(anyAge)
	if f.nodes.get(node) != nil {
		t.Error("a file stays in a directory that is not open")
	}
	f.ReleaseDir(&fuse.ReleaseIn{InHeader: *u.at(1)})
}

// Whoever finds a file beside its removal has it, and by that name.
func TestAgeBesideLookup(t *testing.T) {
	f := newTree(t, nil)
	u := root(f)
	for range 20000 {
		node := u.createForgotten(t, "a")
		var found uint64
		var wg sync.WaitGroup
		wg.Go(func() { found = u.lookup(1, "a") })
		wg.Go(func() { f.removeIdle(anyAge) })
		wg.Wait()
		if again := u.lookup(1, "a"); again != found {
			t.Fatalf("found as %d, and then as %d", found, again)
		}
		if found != 0 {
			if err := u.open(node, syscall.O_RDONLY); err != nil {
				t.Fatalf("what was found cannot be opened: %v", err)
			}
			u.release(node)
			if err := u.unlink(1, "a"); err != nil {
				t.Fatal(err)
			}
		}
		forget(f, node)
	}
	checkTree(t, f, 0)
}

// createForgotten makes a file in the root that is closed and that the kernel does not know.
func (u user) createForgotten(t *testing.T, name string) uint64 {
	t.Helper()
	node, err := u.create(1, name)
	if err != nil {
		t.Fatal(err)
	}
	u.release(node)
	forget(u.f, node)
	return node
}
