package fs

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"vanishfs/fs/store"
	"vanishfs/quota"
)

// newTree is a tree over a real memory store, driven without a mount.
func newTree(t testing.TB, change func(*Options)) *FS {
	t.Helper()
	return newTreeFor(t, deafKernel{}, Features{Transport: "none"}, change)
}

func newTreeFor(t testing.TB, k Kernel, feat Features, change func(*Options)) *FS {
	t.Helper()
	s, err := store.NewMemory(store.MemoryOptions{Size: 64 << 20, Huge: "never"})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Store: s, Domain: quota.New(nil, "mount", quota.Limits{Inodes: 100000}), RootMode: 0700}
	if change != nil {
		change(&o)
	}
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Attach(k, feat)
	t.Cleanup(func() {
		f.Close()
		s.Close()
	})
	return f
}

// deafKernel is a Kernel that caches nothing.
type deafKernel struct{}

func (deafKernel) RegisterBacking(int) (int32, error)              { return 0, syscall.EPERM }
func (deafKernel) UnregisterBacking(int32) error                   { return nil }
func (deafKernel) ExpireEntries() error                            { return syscall.ENOSYS }
func (deafKernel) ExpireEntry(uint64, string) error                { return syscall.ENOENT }
func (deafKernel) DeleteEntry(uint64, uint64, string) error        { return syscall.ENOENT }
func (deafKernel) Prune([]uint64) error                            { return syscall.ENOSYS }
func (deafKernel) InvalInode(node uint64, off, length int64) error { return syscall.ENOENT }

// A user is somebody who makes requests.
type user struct {
	f *FS
	h fuse.InHeader
}

func root(f *FS) user { return user{f: f} }

func (u user) at(node uint64) *fuse.InHeader {
	h := u.h
	h.NodeId = node
	return &h
}

func errno(s fuse.Status) error {
	if s == fuse.OK {
		return nil
	}
	return syscall.Errno(s)
}

// lookup returns the node of a name, 0 if there is none.
func (u user) lookup(dir uint64, name string) uint64 {
	var out fuse.EntryOut
	if u.f.Lookup(nil, u.at(dir), name, &out) != fuse.OK {
		return 0
	}
	return out.NodeId
}

func (u user) mkdir(dir uint64, name string) (uint64, error) {
	var out fuse.EntryOut
	s := u.f.Mkdir(nil, &fuse.MkdirIn{InHeader: *u.at(dir), Mode: 0777}, name, &out)
	return out.NodeId, errno(s)
}

func (u user) create(dir uint64, name string) (uint64, error) {
	var out fuse.CreateOut
	in := &fuse.CreateIn{InHeader: *u.at(dir), Flags: syscall.O_RDWR | syscall.O_CREAT | syscall.O_EXCL, Mode: 0666}
	s := u.f.Create(nil, in, name, &out)
	return out.NodeId, errno(s)
}

func (u user) write(node uint64, data string) (int, error) {
	n, s := u.f.Write(nil, &fuse.WriteIn{InHeader: *u.at(node), Size: uint32(len(data))}, []byte(data))
	return int(n), errno(s)
}

func (u user) release(node uint64) {
	u.f.Release(nil, &fuse.ReleaseIn{InHeader: *u.at(node)})
}

func (u user) unlink(dir uint64, name string) error { return errno(u.f.Unlink(nil, u.at(dir), name)) }
func (u user) rmdir(dir uint64, name string) error  { return errno(u.f.Rmdir(nil, u.at(dir), name)) }

func (u user) link(node, dir uint64, name string) error {
	var out fuse.EntryOut
	return errno(u.f.Link(nil, &fuse.LinkIn{InHeader: *u.at(dir), Oldnodeid: node}, name, &out))
}

func (u user) rename(from uint64, oldName string, to uint64, newName string, flags uint32) error {
	in := &fuse.RenameIn{InHeader: *u.at(from), Newdir: to, Flags: flags}
	return errno(u.f.Rename(nil, in, oldName, newName))
}

// checkTree checks the invariants of the whole tree while nothing runs: link
// counts, names, and that the quota counts what there is.
func checkTree(t fataler, f *FS, openUnlinked int) {
	names := map[*inode]int{}
	count := 0
	var walk func(n *inode)
	walk = func(n *inode) {
		count++
		checkDirectory(t, n.dir)
		subdirs := 0
		for _, d := range n.dir.children {
			c := d.node
			if d.parent != n {
				t.Fatalf("%q has another parent", d.name)
			}
			names[c]++
			if c.isDir() {
				subdirs++
				if c.dir.parent.Load() != n {
					t.Fatalf("%q: .. is elsewhere", d.name)
				}
				walk(c)
			} else {
				count++
			}
		}
		if int(n.nlink) != 2+subdirs {
			t.Fatalf("directory %d has %d links, %d subdirectories", n.ino, n.nlink, subdirs)
		}
	}
	walk(f.root)
	for n, found := range names {
		if got := len(n.names()); got != found || !n.isDir() && int(n.nlink) != found {
			t.Fatalf("inode %d: %d names found, %d known, %d links", n.ino, found, got, n.nlink)
		}
	}
	if used := f.opts.Domain.Usage().InodesUsed; used != int64(count+openUnlinked) {
		t.Fatalf("%d inodes charged, %d there", used, count+openUnlinked)
	}
}

func TestOwnerMode(t *testing.T) {
	f := newTree(t, nil)
	u := root(f)
	for _, mode := range []uint32{0, 0444, 0666, 0777, 04755, 07777} {
		var out fuse.CreateOut
		name := fmt.Sprintf("%o", mode)
		in := &fuse.CreateIn{InHeader: *u.at(1), Mode: mode | syscall.S_IFREG, Flags: syscall.O_RDWR}
		if s := f.Create(nil, in, name, &out); s != fuse.OK {
			t.Fatal(s)
		}
		if got, want := out.Attr.Mode&07777, mode&0700; got != want {
			t.Errorf("create %o gave %o", mode, got)
		}
		set := &fuse.SetAttrIn{SetAttrInCommon: fuse.SetAttrInCommon{InHeader: *u.at(out.NodeId), Valid: fuse.FATTR_MODE, Mode: 07777 &^ mode}}
		var attr fuse.AttrOut
		if s := f.SetAttr(nil, set, &attr); s != fuse.OK {
			t.Fatal(s)
		}
		if got, want := attr.Attr.Mode&07777, 0700&^mode; got != want {
			t.Errorf("chmod %o gave %o", 07777&^mode, got)
		}
		u.release(out.NodeId)
	}
}

func TestEverythingGivenBack(t *testing.T) {
	f := newTree(t, nil)
	u := root(f)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := u.write(node, "hello"); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	if err := u.link(node, 1, "b"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := u.unlink(1, name); err != nil {
			t.Fatal(err)
		}
	}
	checkTree(t, f, 1)
	if used, _ := f.store.Usage(); used.Used == 0 {
		t.Error("an open file lost its bytes with its name")
	}
	u.release(node)
	checkTree(t, f, 0)
	if used, _ := f.store.Usage(); used.Used != 0 {
		t.Errorf("%d bytes left after the last close", used.Used)
	}
	f.Forget(node, 2)
	if f.nodes.get(node) != nil {
		t.Error("still known after the kernel forgot it")
	}
}

func TestRemoveAtClose(t *testing.T) {
	f := newTree(t, func(o *Options) { o.Remove = RemoveClose })
	u := root(f)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.link(node, 1, "b"); err != nil {
		t.Fatal(err)
	}
	if u.lookup(1, "a") != node {
		t.Error("gone before its last close")
	}
	u.release(node)
	if u.lookup(1, "a") != 0 || u.lookup(1, "b") != 0 {
		t.Error("a name is left after the last close")
	}
	var out fuse.OpenOut
	if s := f.Open(nil, &fuse.OpenIn{InHeader: *u.at(node)}, &out); s != fuse.Status(syscall.ESTALE) {
		t.Errorf("open after the last close: %v, want ESTALE", s)
	}
	checkTree(t, f, 0)
}

// TestParallelChanges storms a small tree from many goroutines, then checks all
// invariants. Deadlocks and races are what it is for.
func TestParallelChanges(t *testing.T) {
	f := newTree(t, func(o *Options) { o.Remove = RemoveClose })
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			u := root(f)
			dirs := []uint64{1}
			for range 3000 {
				d, e := dirs[r.IntN(len(dirs))], dirs[r.IntN(len(dirs))]
				name, other := fmt.Sprint(r.IntN(6)), fmt.Sprint(r.IntN(6))
				switch r.IntN(8) {
				case 0:
					if n, err := u.mkdir(d, name); err == nil {
						dirs = append(dirs, n)
					}
				case 1, 2:
					if n, err := u.create(d, name); err == nil {
						u.write(n, "x")
						u.release(n)
					}
				case 3:
					u.unlink(d, name)
				case 4:
					u.rmdir(d, name)
				case 5:
					u.rename(d, name, e, other, []uint32{0, unix.RENAME_NOREPLACE, unix.RENAME_EXCHANGE}[r.IntN(3)])
				case 6:
					if n := u.lookup(d, name); n != 0 {
						u.link(n, e, other)
					}
				case 7:
					out := fuse.NewDirEntryList(make([]byte, 4096), 0)
					f.ReadDirPlus(nil, &fuse.ReadIn{InHeader: *u.at(d), Size: 4096}, out)
				}
			}
		})
	}
	wg.Wait()
	for n := range f.nodes.all() {
		f.Forget(n.id, uint64(n.lookups.Load()))
	}
	checkTree(t, f, 0)
}

func TestTreesAreRoots(t *testing.T) {
	f := newTree(t, func(o *Options) { o.Trees, o.RootMode = 2, 01777 })
	u := root(f)
	for _, name := range []string{"0", "1"} {
		var out fuse.EntryOut
		if s := f.Lookup(nil, u.at(1), name, &out); s != fuse.OK || out.Attr.Mode != syscall.S_IFDIR|01777 {
			t.Errorf("%s: %v, mode %o", name, s, out.Attr.Mode)
		}
	}
	checkTree(t, f, 0)
}
