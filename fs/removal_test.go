package fs

import (
	"testing"
	"time"
)

// To drop a name from the cache is to unlink it for whoever is in that
// directory, or has that file open.
func TestPolicyKeepsNames(t *testing.T) {
	f, k := newHeardTree(t, Features{}, nil)
	u := root(f)
	dir, err := u.mkdir(1, "d")
	if err != nil {
		t.Fatal(err)
	}
	node, err := u.create(dir, "a")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []uint64{dir, node} {
		if err := u.setXAttr(n, xattrRemove, "close"); err != nil {
			t.Fatal(err)
		}
	}
	u.release(node)
	waitFor(t, "the name is taken back", func() bool { return k.heard(told{"delete", dir, "a"}) })
	waitFor(t, "the directory's attributes are", func() bool { return k.heard(told{"inode", dir, ""}) })
	if k.heard(told{"entry", 1, "d"}) || k.heard(told{"entry", dir, "a"}) {
		t.Error("a name was dropped from the cache because of a policy")
	}
}

func TestShortLinger(t *testing.T) {
	f := newTree(t, func(o *Options) { o.Remove, o.Linger = RemoveClose, time.Nanosecond })
	u := root(f)
	for range 1000 {
		node, err := u.create(1, "a")
		if err != nil {
			t.Fatal(err)
		}
		u.release(node)
		waitFor(t, "removed", func() bool { return u.lookup(1, "a") == 0 })
	}
}

// expiringKernel is a kernel that can expire names.
type expiringKernel struct{ hearingKernel }

func (k *expiringKernel) ExpireEntries() error { return k.hear(told{what: "expire"}) }

// TestRemovalExpiresNames: a kernel that can expire names is never asked for a
// directory's lock, and knows of a new policy before the order is answered.
func TestRemovalExpiresNames(t *testing.T) {
	k := new(expiringKernel)
	f := newTreeFor(t, k, Features{}, nil)
	u := root(f)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	k.said = nil // what it was told at the start
	f.setRemoval(f.nodes.get(node), RemoveClose)
	if !k.heard(told{what: "expire"}) {
		t.Error("the order was answered before the names were expired")
	}
	u.release(node)
	waitFor(t, "the directory's attributes are taken back", func() bool { return k.heard(told{"inode", 1, ""}) })
	if k.heard(told{"delete", 1, "a"}) {
		t.Error("the name was deleted with a lock")
	}
}
