package fs

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const pageSize = 4096

// newHoleTree is a tree that counts bytes, whose callers have everything mapped or nothing, with a file of one MiB
// that is a hole.
func newHoleTree(t *testing.T, mapped bool) (f *FS, k *hearingKernel, u user, node uint64) {
	t.Helper()
	f, k = newHeardTree(t, Features{Transport: "none"}, func(o *Options) {
		o.AccountBytes = true
		o.MayMap = func(uint32, uint64) bool { return mapped }
	})
	u = root(f)
	u.h.Pid = 1
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.truncate(node, 1<<20); err != nil {
		t.Fatal(err)
	}
	return f, k, u, node
}

func (u user) read(node, off uint64, size int, flags uint32) (int, fuse.Status) {
	in := &fuse.ReadIn{InHeader: *u.at(node), Offset: off, Size: uint32(size), Flags: flags}
	return u.f.ReadBuffer(nil, in, make([]byte, size))
}

// Only whose fault can be a store fills holes: another reader, whatever he has
// mapped, is not to fill them at the cost of the file's owner.
func TestReaderFillsNoHoles(t *testing.T) {
	f, _, u, node := newHoleTree(t, true)
	const size = 1 << 20
	charged := func(flags uint32, want int64) {
		t.Helper()
		if got := f.opts.Domain.Usage().BytesUsed; got != want {
			t.Errorf("read through a handle with flags %d: %d bytes charged, want %d", flags, got, want)
		}
	}
	if _, s := u.read(node, 0, size, syscall.O_RDONLY); s != fuse.OK {
		t.Fatal(s)
	}
	charged(syscall.O_RDONLY, 0)
	if _, s := u.read(node, 0, size, syscall.O_RDWR); s != fuse.Status(errAlone) {
		t.Errorf("a fault's read of several pages: %v, want %v", s, errAlone)
	}
	for off := uint64(0); off < size; off += pageSize {
		if _, s := u.read(node, off, pageSize, syscall.O_RDWR); s != fuse.OK {
			t.Fatal(s)
		}
	}
	charged(syscall.O_RDWR, size)
}

// What a fault fills is data at once, also where fallocate(2) had reserved it.
func TestFaultMakesData(t *testing.T) {
	f, _, u, node := newHoleTree(t, true)
	if s := f.Fallocate(nil, &fuse.FallocateIn{InHeader: *u.at(node), Offset: 8 * pageSize, Length: 8 * pageSize}); s != fuse.OK {
		t.Fatal(s)
	}
	for _, off := range []uint64{3 * pageSize, 9 * pageSize} {
		if _, s := u.read(node, off, pageSize, syscall.O_RDWR); s != fuse.OK {
			t.Fatal(s)
		}
		var out fuse.LseekOut
		in := &fuse.LseekIn{InHeader: *u.at(node), Offset: off - pageSize, Whence: unix.SEEK_DATA}
		if s := f.Lseek(nil, in, &out); s != fuse.OK || out.Offset != off {
			t.Errorf("data after a fault at %d: at %d, %v", off, out.Offset, s)
		}
	}
	if got := f.opts.Domain.Usage().BytesUsed; got != 9*pageSize {
		t.Errorf("%d bytes charged, want %d", got, 9*pageSize)
	}
}

// Of what was stored to a mapping all is written that there is room for, and it is an error if that is not all of it.
func TestWriteBackTells(t *testing.T) {
	f, _, u, node := newHoleTree(t, true)
	other, err := u.create(1, "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []uint64{0, 1, 3} {
		if _, s := u.read(node, page*pageSize, pageSize, syscall.O_RDWR); s != fuse.OK {
			t.Fatal(s)
		}
	}
	for s, off := fuse.OK, uint64(0); s != fuse.Status(syscall.ENOSPC); off += pageSize {
		if s = f.Fallocate(nil, &fuse.FallocateIn{InHeader: *u.at(other), Offset: off, Length: pageSize}); s != fuse.OK && off == 0 {
			t.Fatal(s)
		}
	}
	data := bytes.Repeat([]byte{7}, 4*pageSize)
	in := &fuse.WriteIn{InHeader: *u.at(node), Size: uint32(len(data)), WriteFlags: fuse.WRITE_CACHE}
	if _, s := f.Write(nil, in, data); s != fuse.Status(syscall.ENOSPC) {
		t.Errorf("written back without room for one page: %v, want ENOSPC", s)
	}
	got := make([]byte, len(data))
	read := &fuse.ReadIn{InHeader: *u.at(node), Size: uint32(len(got)), Flags: syscall.O_RDONLY}
	if _, s := f.ReadBuffer(nil, read, got); s != fuse.OK {
		t.Fatal(s)
	}
	clear(data[2*pageSize : 3*pageSize])
	if !bytes.Equal(got, data) {
		t.Error("the pages that there is room for do not have what was stored")
	}
}

// Zeros that the kernel could take for the content of a page that is stored to are forgotten.
func TestHolesAreForgotten(t *testing.T) {
	for name, flags := range map[string]uint32{"writer": syscall.O_RDWR, "reader": syscall.O_RDONLY} {
		t.Run(name, func(t *testing.T) {
			f, k, u, node := newHoleTree(t, false)
			if _, s := u.read(node, 0, 32*pageSize, flags); s != fuse.OK {
				t.Fatal(s)
			}
			waitFor(t, "the kernel is told", func() bool { return k.heard(told{"inode", node, ""}) })
			if got := f.opts.Domain.Usage().BytesUsed; got != 0 {
				t.Errorf("%d bytes charged", got)
			}
		})
	}
}

// Holes that were read while nobody could store to a mapping do not stay cached when somebody can.
func TestOpenForgetsHoles(t *testing.T) {
	f, _, u, node := newHoleTree(t, false)
	open := func(flags uint32) (keeps bool) {
		t.Helper()
		var out fuse.OpenOut
		if s := f.Open(nil, &fuse.OpenIn{InHeader: *u.at(node), Flags: flags}, &out); s != fuse.OK {
			t.Fatal(s)
		}
		return out.OpenFlags&fuse.FOPEN_KEEP_CACHE != 0
	}
	release := func(flags uint32) {
		f.Release(nil, &fuse.ReleaseIn{InHeader: *u.at(node), Flags: flags})
	}
	if !open(syscall.O_RDONLY) {
		t.Error("a reader beside a writer drops the cache")
	}
	release(syscall.O_RDWR)
	if !open(syscall.O_RDWR) {
		t.Error("the cache is dropped though nothing was read")
	}
	release(syscall.O_RDWR)
	if _, s := u.read(node, 0, pageSize, syscall.O_RDONLY); s != fuse.OK {
		t.Fatal(s)
	}
	if open(syscall.O_RDWR) {
		t.Error("holes that were read stay cached")
	}
	if !open(syscall.O_RDWR) {
		t.Error("a second writer drops the cache")
	}
	release(syscall.O_RDWR)
	release(syscall.O_RDWR)
	if _, err := u.write(node, string(make([]byte, 1<<20))); err != nil {
		t.Fatal(err)
	}
	if _, s := u.read(node, 0, pageSize, syscall.O_RDONLY); s != fuse.OK {
		t.Fatal(s)
	}
	if !open(syscall.O_RDWR) {
		t.Error("data that was read does not stay cached")
	}
}
