package fs

import (
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

func (u user) setXAttr(node uint64, name, value string) error {
	in := &fuse.SetXAttrIn{InHeader: *u.at(node), Size: uint32(len(value))}
	return errno(u.f.SetXAttr(nil, in, name, []byte(value)))
}

func TestXAttrsGivenBack(t *testing.T) {
	f := newTree(t, func(o *Options) { o.XAttr = true })
	u := root(f)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.setXAttr(node, "user.x", "value"); err != nil {
		t.Fatal(err)
	}
	if err := u.setXAttr(node, "user.", "value"); err != syscall.EINVAL {
		t.Errorf("an attribute without a name: %v", err)
	}
	if err := u.unlink(1, "a"); err != nil {
		t.Fatal(err)
	}
	u.release(node)
	if left := f.xbytes.Load(); left != 0 {
		t.Errorf("%d bytes of attributes left", left)
	}
}

// What an inode comes to have must not get in the way of what it is.
func TestXAttrBesideRequests(t *testing.T) {
	f := newTree(t, func(o *Options) { o.XAttr = true })
	u := root(f)
	var out fuse.EntryOut
	if s := f.Symlink(nil, u.at(1), "target", "s", &out); s != fuse.OK {
		t.Fatal(s)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := u.setXAttr(out.NodeId, "trusted.x", "value"); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if target, s := f.Readlink(nil, u.at(out.NodeId)); string(target) != "target" || s != fuse.OK {
			t.Errorf("%q, %v", target, s)
		}
	})
	wg.Wait()
}

// Whichever of the directories that are mounted apart is asked, the limits are the mount's.
func TestLimitsByAnyTop(t *testing.T) {
	f := newTree(t, func(o *Options) { o.Trees, o.UID = 2, somebody })
	u := user{f: f, h: fuse.InHeader{Caller: fuse.Caller{Owner: fuse.Owner{Uid: somebody}}}}
	if err := u.setXAttr(u.lookup(1, "1"), xattrInodes, "50"); err != nil {
		t.Error(err)
	}
	if limit := f.opts.Domain.Usage().Inodes; limit != 50 {
		t.Errorf("the limit is %d", limit)
	}
	dir, err := u.mkdir(u.lookup(1, "1"), "d")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.setXAttr(dir, xattrInodes, "60"); err != syscall.EINVAL {
		t.Errorf("by a directory: %v", err)
	}
}
