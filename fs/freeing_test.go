package fs

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"

	"vanishfs/fs/store"
)

// newRoomyTree is a tree in whose store size bytes fit.
func newRoomyTree(t *testing.T, size int64) (*FS, store.Store) {
	t.Helper()
	s, err := store.NewMemory(store.MemoryOptions{Size: size, Huge: "never"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return newTree(t, func(o *Options) { o.Store = s }), s
}

func (u user) fill(t *testing.T, node uint64, size int) {
	t.Helper()
	chunk := bytes.Repeat([]byte{1}, 1<<20)
	for off := 0; off < size; off += len(chunk) {
		in := &fuse.WriteIn{InHeader: *u.at(node), Offset: uint64(off), Size: uint32(len(chunk))}
		if n, s := u.f.Write(nil, in, chunk); s != fuse.OK || int(n) != len(chunk) {
			t.Fatalf("write: %d, %v", n, s)
		}
	}
}

// TestFreeing: all of the room of a large file is there again, at once where the next file may need it.
func TestFreeing(t *testing.T) {
	const big = 2 * muchToFree
	for name, size := range map[string]int64{"much room": 16 * big, "little room": big + 1<<20} {
		t.Run(name, func(t *testing.T) {
			f, s := newRoomyTree(t, size)
			u := root(f)
			before, err := s.Usage()
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				node, err := u.create(1, "big")
				if err != nil {
					t.Fatal(err)
				}
				u.fill(t, node, big) // fails where what was removed is still there
				u.release(node)
				if err := u.unlink(1, "big"); err != nil {
					t.Fatal(err)
				}
				f.Forget(node, 1)
			}
			f.freeing.Wait()
			if after, err := s.Usage(); err != nil || after.Free != before.Free {
				t.Errorf("%d bytes free, were %d: %v", after.Free, before.Free, err)
			}
		})
	}
}

// TestSlowRemoval: only the removal that gives much back is slow.
func TestSlowRemoval(t *testing.T) {
	f := newTree(t, nil)
	u := root(f)
	big, err := u.create(1, "big")
	if err != nil {
		t.Fatal(err)
	}
	u.fill(t, big, muchToFree+1<<20)
	small, err := u.create(1, "small")
	if err != nil {
		t.Fatal(err)
	}
	slow := func(what string, want bool) {
		t.Helper()
		if got := f.SlowUnlink(1, "big"); got != want {
			t.Errorf("%s: unlink is slow: %t", what, got)
		}
	}
	if f.SlowUnlink(1, "small") || f.SlowUnlink(1, "missing") || f.SlowUnlink(small, "big") || f.SlowUnlink(99, "big") {
		t.Error("a removal that gives nothing back is slow")
	}
	slow("open", false)
	opening := func(node uint64, flags uint32) bool {
		return f.SlowOpen(&fuse.OpenIn{InHeader: *u.at(node), Flags: flags})
	}
	if !opening(big, syscall.O_WRONLY|syscall.O_TRUNC) {
		t.Error("to empty a large file is not slow")
	}
	if opening(big, syscall.O_WRONLY) || opening(small, syscall.O_TRUNC) || opening(1, syscall.O_TRUNC) || opening(99, syscall.O_TRUNC) {
		t.Error("an open that gives nothing back is slow")
	}
	end := &fuse.ReleaseIn{InHeader: *u.at(big)}
	if f.SlowRelease(end) {
		t.Error("a release of a file that stays is slow")
	}
	u.release(big)
	slow("closed", true)
	if err := u.link(big, 1, "other"); err != nil {
		t.Fatal(err)
	}
	slow("with another name", false)
	for _, name := range []string{"big", "other"} {
		if err := errno(f.Open(nil, &fuse.OpenIn{InHeader: *u.at(big), Flags: syscall.O_RDONLY}, new(fuse.OpenOut))); err != nil {
			t.Fatal(err)
		}
		if err := u.unlink(1, name); err != nil {
			t.Fatal(err)
		}
	}
	if f.SlowRelease(end) {
		t.Error("a release that is not the last is slow")
	}
	u.release(big)
	if !f.SlowRelease(end) {
		t.Error("the last release of a removed file is not slow")
	}
	if f.SlowRelease(&fuse.ReleaseIn{InHeader: *u.at(small)}) || f.SlowRelease(&fuse.ReleaseIn{InHeader: *u.at(99)}) {
		t.Error("a release that gives nothing back is slow")
	}
}
