package fs

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Stores to a mapping go past the daemon: what the kernel and the store
// remember of times and blocks is not to be trusted.
func TestStoresToMapping(t *testing.T) {
	f, k := newHeardTree(t, Features{Passthrough: true}, nil)
	u := root(f)
	attr := func(node uint64) (valid, blocks uint64) {
		var out fuse.AttrOut
		if s := f.GetAttr(nil, &fuse.GetAttrIn{InHeader: *u.at(node)}, &out); s != fuse.OK {
			t.Fatal(s)
		}
		return out.AttrValid, out.Blocks
	}
	mapping := -1 // what a mapping is to the store: another holder
	store := func(off int64) {
		if _, err := syscall.Pwrite(mapping, []byte("x"), off); err != nil {
			t.Fatal(err)
		}
	}

	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	n := f.nodes.get(node)
	n.mu.Lock()
	backing := n.backing
	n.mu.Unlock()
	if mapping, err = syscall.Open(fmt.Sprintf("/proc/self/fd/%d", backing), syscall.O_RDWR|syscall.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	if err := u.truncate(node, 1<<20); err != nil {
		t.Fatal(err)
	}
	if valid, blocks := attr(node); valid != 0 || blocks != 0 {
		t.Errorf("before the first store: valid %d, %d blocks", valid, blocks)
	}
	store(0)
	if _, blocks := attr(node); blocks != 8 {
		t.Errorf("after a store: %d blocks", blocks)
	}
	u.release(node)
	store(1 << 16)
	if valid, blocks := attr(node); valid != 0 || blocks != 16 {
		t.Errorf("after a store past the last close: valid %d, %d blocks", valid, blocks)
	}
	store(1 << 17)
	syscall.Close(mapping)
	if valid, blocks := attr(node); valid != forever || blocks != 24 {
		t.Errorf("once unmapped: valid %d, %d blocks", valid, blocks)
	}
	if err := u.open(node, syscall.O_RDWR); err != nil {
		t.Fatal(err)
	}
	if !k.heard(told{"inode", node, ""}) {
		t.Error("the kernel was not told to ask again at open")
	}
	if valid, _ := attr(node); valid != 0 {
		t.Errorf("open again: valid %d", valid)
	}
}
