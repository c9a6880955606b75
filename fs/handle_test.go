package fs

import (
	"strings"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

func (u user) used(t *testing.T) int64 {
	t.Helper()
	usage, err := u.f.store.Usage()
	if err != nil {
		t.Fatal(err)
	}
	return usage.Used
}

func (u user) createFilled(t *testing.T, name string, size int) uint64 {
	t.Helper()
	node, err := u.create(1, name)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := u.write(node, strings.Repeat("x", size)); n != size || err != nil {
		t.Fatal(n, err)
	}
	return node
}

// A replaced file can still be opened by who found it in time, unless the room
// is needed: then it is given back beside the requests, and who finds none waits
// until it is there (TestFreeing, TestWriteAwaitsRoom).
func TestReplacedContentWaitsForForget(t *testing.T) {
	for _, c := range []struct {
		size int
		wait bool
	}{{4096, true}, {1 << 20, true}, {20 << 20, false}} {
		f := newTree(t, nil) // of 64 MiB
		u := root(f)
		node := u.createFilled(t, "a", c.size)
		u.release(node)
		u.release(u.createFilled(t, "b", 1))
		before := u.used(t)
		if err := u.rename(1, "b", 1, "a", 0); err != nil {
			t.Fatal(err)
		}
		f.freeing.Wait()
		if waits := u.used(t) == before; waits != c.wait {
			t.Errorf("%d bytes: waits %v", c.size, waits)
		}
		f.Forget(node, 1)
		f.freeing.Wait()
		if used := u.used(t); used != 4096 {
			t.Errorf("%d bytes: %d used at the end", c.size, used)
		}
	}
}

// Through passthrough a removed file is freed when the kernel forgets it, but
// not if the next one could need the room.
func TestClosedContentWaitsForForget(t *testing.T) {
	for _, c := range []struct {
		size int
		wait bool
	}{{4096, true}, {1 << 20, true}, {20 << 20, false}} {
		f, _ := newHeardTree(t, Features{Passthrough: true}, nil)
		u := root(f)
		node := u.createFilled(t, "a", c.size)
		if err := u.unlink(1, "a"); err != nil {
			t.Fatal(err)
		}
		u.f.Release(nil, &fuse.ReleaseIn{InHeader: *u.at(node)})
		n := f.nodes.get(node)
		n.mu.Lock()
		waits := n.file != nil
		n.mu.Unlock()
		if waits != c.wait {
			t.Errorf("%d bytes: waits %v", c.size, waits)
		}
		f.Forget(node, 1)
		if n.file != nil {
			t.Errorf("%d bytes: still there when forgotten", c.size)
		}
	}
}

// A file that was replaced under one of its names does not wait when it goes by
// the tree: the kernel forgets nothing then.
func TestReplacedNameOfTwo(t *testing.T) {
	f, now := scopedTree(t)
	s := new(Scope)
	now.Store(s)
	u := root(f)
	node := u.createFilled(t, "a", 4096)
	if err := u.link(node, 1, "b"); err != nil {
		t.Fatal(err)
	}
	u.release(node)
	u.release(u.createFilled(t, "c", 1))
	if err := u.rename(1, "c", 1, "a", 0); err != nil {
		t.Fatal(err)
	}
	f.EndScope(s)
	if used := u.used(t); used != 0 {
		t.Errorf("%d bytes used after the end", used)
	}
}
