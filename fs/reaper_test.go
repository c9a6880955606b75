package fs

import (
	"fmt"
	"math"
	"sync"
	"syscall"
	"testing"
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
		node, err := u.create(1, "a")
		if err != nil {
			t.Fatal(err)
		}
		u.release(node)
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
		if n := f.nodes.get(node); n != nil {
			f.Forget(node, uint64(n.lookups.Load()))
		}
	}
}

// On the direct plane a mapping outlives the handle.
func TestAgeSparesMapped(t *testing.T) {
	f, _ := newHeardTree(t, Features{Passthrough: true}, nil)
	u := root(f)
	node := u.createFilled(t, "a", 1)
	n := f.nodes.get(node)
	n.mu.Lock()
	backing := n.backing
	n.mu.Unlock()
	mapping, err := syscall.Open(fmt.Sprintf("/proc/self/fd/%d", backing), syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	u.release(node)
	f.removeIdle(anyAge)
	if u.lookup(1, "a") == 0 {
		t.Error("a file was removed that is mapped")
	}
	syscall.Close(mapping)
	f.removeIdle(anyAge)
	if u.lookup(1, "a") != 0 {
		t.Error("it stays when it is not mapped any more")
	}
}
