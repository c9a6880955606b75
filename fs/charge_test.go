package fs

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"vanishfs/fs/store"
	"vanishfs/quota"
)

const accountedLimit = 8 << 20

func newAccountedTree(t *testing.T) *FS {
	return newTree(t, func(o *Options) {
		o.AccountBytes = true
		o.Domain = quota.New(nil, "mount", quota.Limits{Bytes: accountedLimit, Inodes: 1000})
	})
}

// TestAccountedExact is the promise of an exact cap where the daemon counts:
// parallel writers write to the last page in all, each is told by its own
// write, and everything comes back.
func TestAccountedExact(t *testing.T) {
	f := newAccountedTree(t)
	for round := range 2 {
		var total atomic.Int64
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				u := root(f)
				name := fmt.Sprint(w)
				node, err := u.create(1, name)
				if err != nil {
					t.Error(err)
					return
				}
				chunk := make([]byte, 40_000) // not a multiple of the page size
				off := uint64(0)
				for {
					in := &fuse.WriteIn{InHeader: *u.at(node), Offset: off, Size: uint32(len(chunk))}
					n, s := f.Write(nil, in, chunk)
					if s != fuse.OK {
						if s != fuse.Status(syscall.ENOSPC) || n != 0 {
							t.Errorf("write: %d, %v", n, s)
						}
						break
					}
					off += uint64(n)
				}
				total.Add(int64(store.Span(0, int64(off))))
				u.release(node)
			})
		}
		wg.Wait()
		if total.Load() != accountedLimit {
			t.Errorf("round %d: %d bytes of pages written, want %d", round, total.Load(), accountedLimit)
		}
		for w := range 8 {
			if err := root(f).unlink(1, fmt.Sprint(w)); err != nil {
				t.Error(err)
			}
		}
		if used := f.opts.Domain.Usage().BytesUsed; used != 0 {
			t.Errorf("round %d: %d bytes still charged", round, used)
		}
	}
}

// TestAccountedHoles: holes are free, filling them is charged, overwriting is
// not, also at the limit.
func TestAccountedHoles(t *testing.T) {
	f := newAccountedTree(t)
	u := root(f)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	charged := func(want int64) {
		t.Helper()
		if got := f.opts.Domain.Usage().BytesUsed; got != want {
			t.Fatalf("%d bytes charged, want %d", got, want)
		}
	}
	set := &fuse.SetAttrIn{SetAttrInCommon: fuse.SetAttrInCommon{InHeader: *u.at(node), Valid: fuse.FATTR_SIZE, Size: 1 << 30}}
	if s := f.SetAttr(nil, set, new(fuse.AttrOut)); s != fuse.OK {
		t.Fatal(s)
	}
	charged(0)
	write := func(off uint64, size int) (uint32, fuse.Status) {
		return f.Write(nil, &fuse.WriteIn{InHeader: *u.at(node), Offset: off, Size: uint32(size)}, make([]byte, size))
	}
	write(512<<20, 1)
	charged(4096)
	write(512<<20+5, 100)
	charged(4096)
	fill := &fuse.FallocateIn{InHeader: *u.at(node), Length: accountedLimit - 8192}
	if s := f.Fallocate(nil, fill); s != fuse.OK {
		t.Fatal(s)
	}
	charged(accountedLimit - 4096)
	// Two pages that exist, one that fits, one that does not.
	if n, s := write(accountedLimit-16384, 16384); s != fuse.OK || n != 12288 {
		t.Fatalf("write across the limit: %d, %v", n, s)
	}
	charged(accountedLimit)
	if n, s := write(0, 8192); s != fuse.OK || n != 8192 {
		t.Fatalf("overwrite at the limit: %d, %v", n, s)
	}
	punch := &fuse.FallocateIn{InHeader: *u.at(node), Length: 8192, Mode: unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE}
	if s := f.Fallocate(nil, punch); s != fuse.OK {
		t.Fatal(s)
	}
	charged(accountedLimit - 8192)
	u.release(node)
	if err := u.unlink(1, "a"); err != nil {
		t.Fatal(err)
	}
	charged(0)
}

func TestFileSizeLimit(t *testing.T) {
	f := newTree(t, func(o *Options) { o.FileSize = 10_000 })
	u := root(f)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := u.write(node, string(make([]byte, 20_000))); n != 10_000 || err != nil {
		t.Errorf("write across the limit: %d, %v", n, err)
	}
	in := &fuse.WriteIn{InHeader: *u.at(node), Offset: 10_000, Size: 1}
	if _, s := f.Write(nil, in, []byte{1}); s != fuse.Status(syscall.EFBIG) {
		t.Errorf("write at the limit: %v, want EFBIG", s)
	}
	set := &fuse.SetAttrIn{SetAttrInCommon: fuse.SetAttrInCommon{InHeader: *u.at(node), Valid: fuse.FATTR_SIZE, Size: 10_001}}
	if s := f.SetAttr(nil, set, new(fuse.AttrOut)); s != fuse.Status(syscall.EFBIG) {
		t.Errorf("truncate beyond the limit: %v, want EFBIG", s)
	}
	if s := f.Fallocate(nil, &fuse.FallocateIn{InHeader: *u.at(node), Offset: 5000, Length: 5001}); s != fuse.Status(syscall.EFBIG) {
		t.Errorf("fallocate beyond the limit: %v, want EFBIG", s)
	}
}

// TestAccountedMapping: pages that were charged when a mapping was about to be stored to are written back at the
// limit, too. Nobody could be told that they are not.
func TestAccountedMapping(t *testing.T) {
	f := newAccountedTree(t)
	f.opts.MayMap = func(uint32, uint64) bool { return true }
	u := root(f)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.truncate(node, accountedLimit); err != nil {
		t.Fatal(err)
	}
	const part = 128 << 10
	for off := uint64(0); off < accountedLimit; off += 4096 {
		// A fault reads through the handle that is mapped.
		in := &fuse.ReadIn{InHeader: *u.at(node), Offset: off, Size: 4096, Flags: syscall.O_RDWR}
		if n, s := f.ReadBuffer(nil, in, make([]byte, 4096)); s != fuse.OK || n != 4096 {
			t.Fatalf("fault at %d: %d, %v", off, n, s)
		}
	}
	if got := f.opts.Domain.Usage().BytesUsed; got != accountedLimit {
		t.Fatalf("%d bytes charged, want %d", got, accountedLimit)
	}
	for off := uint64(0); off < accountedLimit; off += part {
		in := &fuse.WriteIn{InHeader: *u.at(node), Offset: off, Size: part}
		if n, s := f.Write(nil, in, make([]byte, part)); s != fuse.OK || n != part {
			t.Fatalf("write back at %d: %d, %v", off, n, s)
		}
	}
}

// TestAccountedOverwriting: at the limit, copying over pages that exist and allocating them again succeed. What
// does not fit is left to the kernel to copy by writes, which know how much does.
func TestAccountedOverwriting(t *testing.T) {
	f := newAccountedTree(t)
	u := root(f)
	var nodes []uint64
	for _, name := range []string{"a", "b"} {
		node, err := u.create(1, name)
		if err != nil {
			t.Fatal(err)
		}
		u.fill(t, node, accountedLimit/2)
		nodes = append(nodes, node)
	}
	copying := func(dstOff uint64) (uint32, fuse.Status) {
		return f.CopyFileRange(nil, &fuse.CopyFileRangeIn{InHeader: *u.at(nodes[0]), NodeIdOut: nodes[1], OffOut: dstOff, Len: 1 << 20})
	}
	if n, s := copying(1 << 20); s != fuse.OK || n != 1<<20 {
		t.Errorf("copy over what is there: %d, %v", n, s)
	}
	if n, s := copying(accountedLimit/2 - 1<<19); s != fuse.Status(syscall.EXDEV) || n != 0 {
		t.Errorf("copy beyond the limit: %d, %v", n, s)
	}
	if s := f.Fallocate(nil, &fuse.FallocateIn{InHeader: *u.at(nodes[0]), Length: accountedLimit / 2}); s != fuse.OK {
		t.Errorf("allocate what is there: %v", s)
	}
	if s := f.Fallocate(nil, &fuse.FallocateIn{InHeader: *u.at(nodes[0]), Length: accountedLimit/2 + 1}); s != fuse.Status(syscall.ENOSPC) {
		t.Errorf("allocate a page more: %v", s)
	}
}

// TestAccountedBeside: who writes what fits is not refused because of others who overwrite.
func TestAccountedBeside(t *testing.T) {
	f := newAccountedTree(t)
	u := root(f)
	big, err := u.create(1, "big")
	if err != nil {
		t.Fatal(err)
	}
	u.fill(t, big, accountedLimit-1<<20)
	small, err := u.create(1, "small")
	if err != nil {
		t.Fatal(err)
	}
	var overwriting sync.WaitGroup
	over := make(chan struct{})
	overwriting.Go(func() {
		data := make([]byte, 1<<20)
		for {
			select {
			case <-over:
				return
			default:
			}
			f.Write(nil, &fuse.WriteIn{InHeader: *u.at(big), Offset: 100, Size: uint32(len(data))}, data)
		}
	})
	data := string(make([]byte, 1<<20))
	for range 200 {
		if n, err := u.write(small, data); n != len(data) || err != nil {
			t.Errorf("%d bytes written: %v", n, err)
			break
		}
		if err := u.truncate(small, 0); err != nil {
			t.Error(err)
		}
	}
	close(over)
	overwriting.Wait()
}

// The last page that a file can have is a page like the others.
func TestAccountedFarOffsets(t *testing.T) {
	f := newAccountedTree(t)
	u := root(f)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	last := &fuse.WriteIn{InHeader: *u.at(node), Offset: math.MaxInt64 - 1, Size: 1}
	if n, s := f.Write(nil, last, []byte{1}); n != 1 || s != fuse.OK {
		t.Errorf("write of the last byte: %d, %v", n, s)
	}
	all := &fuse.FallocateIn{InHeader: *u.at(node), Length: math.MaxInt64}
	if s := f.Fallocate(nil, all); s != fuse.Status(syscall.ENOSPC) {
		t.Errorf("fallocate of all there can be: %v", s)
	}
	if used := f.opts.Domain.Usage().BytesUsed; used != 4096 {
		t.Errorf("%d bytes charged", used)
	}
}

// A write that waits for a disk does not hold up who looks at the file or at its directory.
func TestAttributesBesideSlowWrite(t *testing.T) {
	started, goOn := make(chan struct{}), make(chan struct{})
	f := newTree(t, func(o *Options) {
		o.AccountBytes = true
		o.Store = &hookedStore{Store: o.Store, beforeWrite: func() {
			close(started)
			<-goOn
		}}
	})
	u := root(f)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := u.write(node, "x")
		wrote <- err
	}()
	<-started
	defer func() {
		close(goOn)
		if err := <-wrote; err != nil {
			t.Error(err)
		}
	}()
	var looked atomic.Bool
	go func() {
		u.lookup(1, "a")
		u.create(1, "b")
		looked.Store(true)
	}()
	waitFor(t, "another request is answered", looked.Load)
}
