package fs

import (
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const somebody = 1000

// newPrivateTree is a POSIX tree of somebody's own.
func newPrivateTree(t *testing.T) user {
	t.Helper()
	f := newTree(t, func(o *Options) { o.Private, o.Posix, o.UID, o.GID = true, true, somebody, somebody })
	return user{f: f, h: fuse.InHeader{Caller: fuse.Caller{Owner: fuse.Owner{Uid: somebody, Gid: somebody}}}}
}

func TestSupplementaryGroups(t *testing.T) {
	want, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range want {
		if !inGroup(&fuse.Caller{Pid: uint32(os.Getpid())}, uint32(g)) {
			t.Errorf("group %d is missing", g)
		}
	}
	const nobodysGroup = 1<<32 - 7
	if !inGroup(&fuse.Caller{Owner: fuse.Owner{Gid: nobodysGroup}}, nobodysGroup) {
		t.Error("the caller's own group is missing")
	}
	if slices.Contains(moreGroups(uint32(os.Getpid())), nobodysGroup) || moreGroups(0) != nil {
		t.Error("groups out of nowhere")
	}
}

// An access mode of 3 is for ioctl only, but is no way around the mode.
func TestOpenForIoctl(t *testing.T) {
	u := newPrivateTree(t)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	u.release(node)
	for mode, want := range map[uint32]error{0: syscall.EACCES, 0400: syscall.EACCES, 0200: syscall.EACCES, 0600: nil} {
		if err := u.chmod(node, mode); err != nil {
			t.Fatal(err)
		}
		if err := u.open(node, 3); err != want {
			t.Errorf("mode %o: %v, want %v", mode, err, want)
		}
	}
}

// Whichever directory gets another parent must be writable.
func TestMoveOfUnwritableDirectory(t *testing.T) {
	u := newPrivateTree(t)
	dirs := map[string]uint64{}
	for _, d := range []struct{ parent, name string }{{"", "a"}, {"", "b"}, {"a", "x"}, {"b", "y"}} {
		parent := uint64(1)
		if d.parent != "" {
			parent = dirs[d.parent]
		}
		node, err := u.mkdir(parent, d.name)
		if err != nil {
			t.Fatal(err)
		}
		dirs[d.name] = node
	}
	if err := u.chmod(dirs["x"], 0500); err != nil {
		t.Fatal(err)
	}
	if err := u.rename(dirs["a"], "x", dirs["b"], "y", unix.RENAME_EXCHANGE); err != syscall.EACCES {
		t.Errorf("exchange, source unwritable: %v", err)
	}
	if err := u.rename(dirs["b"], "y", dirs["a"], "x", unix.RENAME_EXCHANGE); err != syscall.EACCES {
		t.Errorf("exchange, target unwritable: %v", err)
	}
	if err := u.rename(dirs["a"], "x", dirs["a"], "z", 0); err != nil {
		t.Errorf("rename in the same directory: %v", err)
	}
}
