package fs

import (
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
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
		if err := u.setXAttr(n, RemoveAttr, "close"); err != nil {
			t.Fatal(err)
		}
	}
	u.release(node)
	waitFor(t, "the name is taken back", func() bool { return k.heard(told{"delete", dir, "a"}) })
	waitFor(t, "the directory's attributes are", func() bool { return k.heard(told{"inode", dir, ""}) })
	if k.heard(told{"expire", 1, "d"}) || k.heard(told{"expire", dir, "a"}) {
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

// TestRemovalExpiresNothing: names that others use, and what is mounted there, have
// nothing to do with what the tree removes.
func TestRemovalExpiresNothing(t *testing.T) {
	for _, sessions := range []bool{false, true} {
		k, s := new(hearingKernel), new(Scope)
		f := newTreeFor(t, k, Features{}, func(o *Options) {
			o.Sessions, o.ScopeOf = sessions, func(_, _ uint32) (*Scope, error) { return s, nil }
		})
		u := root(f)
		dir, err := u.mkdir(1, "d")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"ordered", "open"} {
			node, err := u.create(dir, name)
			if err != nil {
				t.Fatal(err)
			}
			var out fuse.EntryOut
			if f.Lookup(nil, u.at(dir), name, &out); (out.EntryValid == forever) == sessions {
				t.Errorf("sessions %v: %s is valid for %d s", sessions, name, out.EntryValid)
			}
			if name == "ordered" {
				f.setRemoval(f.nodes.get(node), RemoveClose)
				u.release(node)
			}
		}
		f.EndScope(s)
		waitFor(t, "the listing of the top is taken back", func() bool { return k.heard(told{"inode", 1, ""}) })
		if k.heard(told{what: "expire all"}) {
			t.Errorf("sessions %v: all names were expired", sessions)
		}
		for _, name := range []string{"ordered", "open"} {
			if k.heard(told{"expire", dir, name}) {
				t.Errorf("sessions %v: %s was expired", sessions, name)
			}
			if k.heard(told{"delete", dir, name}) == sessions {
				t.Errorf("sessions %v: the kernel was told of %s: %v", sessions, name, sessions)
			}
		}
	}
}
