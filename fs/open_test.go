package fs

import (
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

func (u user) mode(t *testing.T, node uint64) uint32 {
	t.Helper()
	var out fuse.AttrOut
	if s := u.f.GetAttr(nil, &fuse.GetAttrIn{InHeader: *u.at(node)}, &out); s != fuse.OK {
		t.Fatal(s)
	}
	return out.Mode & 07777
}

func (u user) chmod(node uint64, mode uint32) error {
	var out fuse.AttrOut
	in := &fuse.SetAttrIn{SetAttrInCommon: fuse.SetAttrInCommon{InHeader: *u.at(node), Valid: fuse.FATTR_MODE, Mode: mode}}
	return errno(u.f.SetAttr(nil, in, &out))
}

// O_TRUNC is a change of the content, and the kernel leaves it to us as a whole.
func TestTruncateDropsSetuid(t *testing.T) {
	f, k := newHeardTree(t, Features{}, func(o *Options) { o.Posix = true })
	for _, c := range []struct{ uid, mode, want uint32 }{
		{1000, 06777, 0777}, {1000, 06767, 02767}, {1000, 0644, 0644}, {0, 06777, 06777},
	} {
		u := user{f: f, h: fuse.InHeader{Caller: fuse.Caller{Owner: fuse.Owner{Uid: c.uid}}}}
		node, err := u.create(1, "a")
		if err != nil {
			t.Fatal(err)
		}
		u.release(node)
		if err := u.chmod(node, c.mode); err != nil {
			t.Fatal(err)
		}
		if err := u.open(node, syscall.O_WRONLY|syscall.O_TRUNC); err != nil {
			t.Fatal(err)
		}
		u.release(node)
		if got := u.mode(t, node); got != c.want {
			t.Errorf("uid %d, %o truncated is %o, want %o", c.uid, c.mode, got, c.want)
		}
		if k.heard(told{"inode", node, ""}) != (c.mode != c.want) {
			t.Errorf("uid %d, %o: what the kernel has cached of the mode is wrong", c.uid, c.mode)
		}
		if err := u.unlink(1, "a"); err != nil {
			t.Fatal(err)
		}
	}
}

// On a shared mount the kernel checks modes, of files that it knows of.
func TestCreateOfUnknownName(t *testing.T) {
	for _, private := range []bool{false, true} {
		f := newTree(t, func(o *Options) { o.Private = private })
		u := root(f)
		node, err := u.create(1, "a")
		if err != nil {
			t.Fatal(err)
		}
		u.release(node)
		want := fuse.Status(syscall.ESTALE)
		if private {
			want = fuse.OK
		}
		var out fuse.CreateOut
		if s := f.Create(nil, &fuse.CreateIn{InHeader: *u.at(1), Flags: syscall.O_RDWR | syscall.O_CREAT}, "a", &out); s != want {
			t.Errorf("private %v: create of a file that exists: %v, want %v", private, s, want)
		}
	}
}

// TestCreateFailsToEmpty: a CREATE that finds a file and cannot empty it gives its handle back, which is the last one
// and removes the name. That takes the lock of the directory, which the search must not hold any more.
func TestCreateFailsToEmpty(t *testing.T) {
	f := newTree(t, func(o *Options) {
		o.Private, o.Remove = true, RemoveClose
		o.Store = &hookedStore{Store: o.Store, truncateErr: syscall.EIO}
	})
	u := root(f)
	if s := f.Mknod(nil, &fuse.MknodIn{InHeader: *u.at(1), Mode: syscall.S_IFREG | 0600}, "file", new(fuse.EntryOut)); s != fuse.OK {
		t.Fatal(s)
	}
	in := &fuse.CreateIn{InHeader: *u.at(1), Flags: syscall.O_WRONLY | syscall.O_CREAT | syscall.O_TRUNC, Mode: 0600}
	answer := make(chan fuse.Status, 1)
	go func() { answer <- f.Create(nil, in, "file", new(fuse.CreateOut)) }()
	waitFor(t, "the CREATE is answered", func() bool { return len(answer) > 0 })
	if s := <-answer; s != fuse.EIO {
		t.Errorf("create: %v, want %v", s, fuse.EIO)
	}
	if u.lookup(1, "file") != 0 {
		t.Error("the file has outlived its last handle")
	}
	checkTree(t, f, 0)
}
