package fs

import (
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
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
	if left := f.xattrs.total; left != 0 {
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

// tells is a Control that hears what is to change.
type tells []string

func (c *tells) Options() map[string]string { return map[string]string{"size": "0"} }
func (c *tells) Change(list string) error   { *c = append(*c, list); return nil }

// Whichever of the directories that are mounted apart is asked, the options are the mount's.
func TestOptionsByAnyTop(t *testing.T) {
	heard := new(tells)
	f := newTree(t, func(o *Options) { o.Trees, o.UID, o.Owner, o.Control = 2, somebody, somebody, heard })
	u := user{f: f, h: fuse.InHeader{Caller: fuse.Caller{Owner: fuse.Owner{Uid: somebody}}}}
	for _, c := range [][2]string{{"user.vanish.inodes", "50"}, {OptionsAttr, "inodes=50,size=1"}, {"user.vanish.max-idle", "2s\n"}} {
		if err := u.setXAttr(u.lookup(1, "1"), c[0], c[1]); err != nil {
			t.Errorf("%s: %v", c[0], err)
		}
	}
	if want := []string{"inodes=50", "inodes=50,size=1", "max-idle=2s"}; !slices.Equal(*heard, want) {
		t.Errorf("changes %q, want %q", *heard, want)
	}
	dir, err := u.mkdir(u.lookup(1, "1"), "d")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.setXAttr(dir, "user.vanish.inodes", "60"); err != syscall.EINVAL {
		t.Errorf("by a directory: %v", err)
	}
}

// Whose the top directory is gives no right over the mount.
func TestOwnerOfTopChangesNoOption(t *testing.T) {
	heard := new(tells)
	f := newTree(t, func(o *Options) { o.UID, o.Control = somebody, heard })
	u := user{f: f, h: fuse.InHeader{Caller: fuse.Caller{Owner: fuse.Owner{Uid: somebody}, Pid: uint32(unix.Gettid())}}}
	for _, name := range []string{"user.vanish.size", "user.vanish.inodes", OptionsAttr, RootOptionsAttr, "user.vanish.anything"} {
		if err := u.setXAttr(1, name, "0"); err != syscall.EPERM {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(*heard) > 0 {
		t.Errorf("changes %q", *heard)
	}
}
