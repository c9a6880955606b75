package fs

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"

	"vanishfs/quota"
)

func (u user) open(node uint64, flags uint32) error {
	var out fuse.OpenOut
	return errno(u.f.Open(nil, &fuse.OpenIn{InHeader: *u.at(node), Flags: flags}, &out))
}

func (u user) truncate(node, size uint64) error {
	var out fuse.AttrOut
	in := &fuse.SetAttrIn{SetAttrInCommon: fuse.SetAttrInCommon{InHeader: *u.at(node), Valid: fuse.FATTR_SIZE, Size: size}}
	return errno(u.f.SetAttr(nil, in, &out))
}

// Names are memory of the daemon: like tmpfs, each counts as an inode.
func TestNamesAreCharged(t *testing.T) {
	f := newTree(t, func(o *Options) { o.Domain = quota.New(nil, "mount", quota.Limits{Inodes: 4}) })
	u := root(f)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	u.release(node)
	for i := range 2 {
		if err := u.link(node, 1, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.link(node, 1, "one too many"); err != syscall.ENOSPC {
		t.Errorf("a link beyond the limit of inodes: %v", err)
	}
	checkTree(t, f, 0)
	if err := u.rename(1, "0", 1, "other", 0); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"a", "other", "1"} {
		if err := u.unlink(1, name); err != nil {
			t.Error(err)
		}
		checkTree(t, f, 0)
	}
}

// A link must not look like a use of the content: it would stay open, or be
// used while it is closed.
func TestLinkBesideOpens(t *testing.T) {
	f := newTree(t, nil)
	u := root(f)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.write(node, "bytes"); err != nil {
		t.Fatal(err)
	}
	u.release(node)
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for range 3000 {
				name := fmt.Sprint(w)
				if u.link(node, 1, name) == nil {
					u.unlink(1, name)
				}
			}
		})
		wg.Go(func() {
			for range 3000 {
				if u.open(node, syscall.O_RDWR) == nil {
					u.release(node)
				}
				u.truncate(node, 1)
			}
		})
	}
	wg.Wait()
	if err := u.unlink(1, "a"); err != nil {
		t.Fatal(err)
	}
	checkTree(t, f, 0)
	if used, _ := f.store.Usage(); used.Used != 0 {
		t.Errorf("%d bytes left", used.Used)
	}
}

// The time that a removal takes is the same however many names the file has.
func TestManyNames(t *testing.T) {
	const names = 1 << 17
	f := newTree(t, func(o *Options) { o.Domain = quota.New(nil, "mount", quota.Limits{}) })
	u := root(f)
	node, err := u.create(1, "a")
	if err != nil {
		t.Fatal(err)
	}
	u.release(node)
	for i := range names {
		if err := u.link(node, 1, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	var done atomic.Bool
	go func() {
		for i := range names {
			u.unlink(1, fmt.Sprint(i))
		}
		done.Store(true)
	}()
	waitFor(t, "the names are gone", done.Load)
	checkTree(t, f, 0)
}
