package fs

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"vanishfs/fs/store"
	"vanishfs/quota"
)

func (u user) fallocate(cancel <-chan struct{}, node uint64, mode uint32, off, length int64) error {
	in := &fuse.FallocateIn{InHeader: *u.at(node), Mode: mode, Offset: uint64(off), Length: uint64(length)}
	return errno(u.f.Fallocate(cancel, in))
}

func (u user) blocks(t testing.TB, node uint64) (size, bytes int64) {
	t.Helper()
	out := new(fuse.AttrOut)
	if s := u.f.GetAttr(nil, &fuse.GetAttrIn{InHeader: *u.at(node)}, out); s != fuse.OK {
		t.Fatal(s)
	}
	return int64(out.Size), int64(out.Blocks) * 512
}

// TestAllocateAllOrNothing: what does not fit, or is interrupted, leaves the file as it was: what was written,
// what was allocated before, the size and what is charged. Also where it is more than one slice.
func TestAllocateAllOrNothing(t *testing.T) {
	const limit = 4 * allocateMost
	for name, accounts := range map[string]bool{"store counts": false, "tree counts": true} {
		t.Run(name, func(t *testing.T) {
			s, err := store.NewMemory(store.MemoryOptions{Size: limit, Huge: "never"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			hooked := &hookedStore{Store: s}
			f := newTree(t, func(o *Options) {
				o.Store, o.AccountBytes = hooked, accounts
				o.Domain = quota.New(nil, "mount", quota.Limits{Bytes: limit})
			})
			rapid.Check(t, func(r *rapid.T) { allocateOften(t, r, f, hooked, limit) })
		})
	}
}

// allocateOften has some pages of a file written or allocated, and then more allocated, whose outcome is known:
// the others have what is left of the limit.
func allocateOften(t *testing.T, r *rapid.T, f *FS, hooked *hookedStore, limit int64) {
	u := root(f)
	name := fmt.Sprint(f.clock.now())
	node, err := u.create(1, name)
	if err != nil {
		r.Fatal(err)
	}
	defer func() {
		if f.nodes.get(node).isCharging() {
			r.Error("a change goes on")
		}
		u.release(node)
		if err := u.unlink(1, name); err != nil {
			r.Fatal(err)
		}
		f.Forget(node, 1)
		f.freeing.Wait()
	}()
	offset := rapid.Int64Range(0, 3*allocateMost)
	there := map[int64]byte{} // page: what it begins with
	for i := range rapid.IntRange(0, 8).Draw(r, "pages") {
		off := offset.Draw(r, "written") / store.PageSize * store.PageSize
		if rapid.Bool().Draw(r, "allocated") {
			if err := u.fallocate(nil, node, unix.FALLOC_FL_KEEP_SIZE, off, 1); err != nil {
				r.Fatal(err)
			}
			if _, ok := there[off]; !ok {
				there[off] = 0
			}
			continue
		}
		if err := u.writeAt(node, off, []byte{byte(i + 1)}); err != nil {
			r.Fatal(err)
		}
		there[off] = byte(i + 1)
	}
	size, before := u.blocks(t, node)
	if want := int64(len(there)) * store.PageSize; before != want {
		r.Fatalf("%d bytes, want %d", before, want)
	}
	off, length := offset.Draw(r, "off"), rapid.Int64Range(1, 6*allocateMost).Draw(r, "length")
	mode := rapid.SampledFrom([]uint32{0, unix.FALLOC_FL_KEEP_SIZE}).Draw(r, "mode")
	var cancel chan struct{}
	parts := allocateMost - off%allocateMost // of the first part
	slices := 1 + (max(length-parts, 0)+allocateMost-1)/allocateMost
	if length <= allocateMost {
		slices = 1
	}
	// As the slice of that number begins, so that this one is the last.
	if at := rapid.Int64Range(-1, slices).Draw(r, "interrupted at"); at == 0 {
		cancel = make(chan struct{})
		close(cancel)
	} else if at > 0 && at < slices {
		cancel = make(chan struct{})
		hooked.beforeAllocate = func() {
			if at--; at == 0 {
				close(cancel)
			}
		}
		defer func() { hooked.beforeAllocate = nil }()
	}
	err = u.fallocate(cancel, node, mode, off, length)
	after := before + store.Span(off, length)
	for page := range there {
		if page+store.PageSize > off && page < off+length {
			after -= store.PageSize
		}
	}
	var want error
	switch {
	case cancel != nil:
		want = syscall.EINTR
	case store.Span(off, length) > limit, after > limit:
		want = syscall.ENOSPC
	}
	if want == syscall.EINTR && err == syscall.ENOSPC { // found out before
		want = err
	}
	if err != want {
		r.Fatalf("fallocate: %v, want %v", err, want)
	}
	if err != nil {
		after = before
	} else if mode == 0 {
		size = max(size, off+length)
	}
	if gotSize, got := u.blocks(t, node); got != after || gotSize != size {
		r.Fatalf("size %d, %d bytes, want %d, %d", gotSize, got, size, after)
	}
	if f.opts.AccountBytes {
		if used := f.opts.Domain.Usage().BytesUsed; used != after {
			r.Fatalf("%d bytes are charged, want %d", used, after)
		}
	}
	for page, first := range there {
		if page < size {
			if got := u.readAt(t, node, page); got != first {
				r.Fatalf("the page at %d begins with %d, want %d", page, got, first)
			}
		}
	}
}

func (u user) writeAt(node uint64, off int64, data []byte) error {
	in := &fuse.WriteIn{InHeader: *u.at(node), Offset: uint64(off), Size: uint32(len(data))}
	_, s := u.f.Write(nil, in, data)
	return errno(s)
}

func (u user) readAt(t testing.TB, node uint64, off int64) byte {
	t.Helper()
	buf := make([]byte, 1)
	in := &fuse.ReadIn{InHeader: *u.at(node), Offset: uint64(off), Size: 1}
	if n, s := u.f.ReadBuffer(nil, in, buf); n != 1 || s != fuse.OK {
		t.Fatalf("read: %d, %v", n, s)
	}
	return buf[0]
}
