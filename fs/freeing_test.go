package fs

import (
	"bytes"
	"fmt"
	"sync/atomic"
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

// TestFreeing: all of the room of a large file is there again, at once where the next file may need it: who writes
// through the daemon waits for it, for who writes past the daemon the removal has waited.
func TestFreeing(t *testing.T) {
	const big = 2 * muchToFree
	for name, c := range map[string]struct {
		size   int64
		direct bool
	}{
		"much room":           {16 * big, false},
		"little room":         {big + 1<<20, false},
		"little room, direct": {big + 1<<20, true},
	} {
		t.Run(name, func(t *testing.T) {
			f, s := newRoomyTree(t, c.size)
			f.direct, f.opts.Private = c.direct, c.direct
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
				if after, err := s.Usage(); c.direct && (err != nil || after.Free != before.Free) {
					t.Errorf("%d bytes free when it is removed, were %d: %v", after.Free, before.Free, err)
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

// TestSlowRemoval: only what has to wait for much to be given back, empties much or looks through it is slow. The
// last RELEASE of a removed file is not, however large it was: nobody waits for a RELEASE (fs/fuse/file.c,
// fuse_file_release), so it need not wait for the room, and the freer gives that back.
func TestSlowRemoval(t *testing.T) {
	f, _ := newRoomyTree(t, muchToFree+2<<20)
	f.direct = true // or else who needs the room waits, and not who makes it
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
	creating := func(name string, flags uint32) bool {
		return f.SlowCreate(&fuse.CreateIn{InHeader: *u.at(1), Flags: flags}, name)
	}
	if got := creating("big", syscall.O_TRUNC); got != f.opts.Private {
		t.Errorf("a create that finds a large file to empty is slow: %t", got)
	}
	if creating("big", 0) || creating("big", syscall.O_TRUNC|syscall.O_EXCL) || creating("small", syscall.O_TRUNC) || creating("missing", syscall.O_TRUNC) {
		t.Error("a create that empties nothing is slow")
	}
	if f.SlowSeek(&fuse.LseekIn{InHeader: *u.at(big)}) || f.SlowSeek(&fuse.LseekIn{InHeader: *u.at(99)}) {
		t.Error("to look through a file that is not large is slow")
	}
	u.release(big)
	slow("closed", true)
	if err := u.link(big, 1, "other"); err != nil {
		t.Fatal(err)
	}
	slow("with another name", false)
}

// TestSlowLastClose: only the end of the last handle of a file that goes with many names is slow.
func TestSlowLastClose(t *testing.T) {
	f := newTree(t, func(o *Options) { o.Remove = RemoveClose })
	u := root(f)
	file, err := u.create(1, "file")
	if err != nil {
		t.Fatal(err)
	}
	end := &fuse.ReleaseIn{InHeader: *u.at(file)}
	for i := range manyNames {
		if slow := f.SlowRelease(end); slow {
			t.Fatalf("slow with %d names", i+1)
		}
		if err := u.link(file, 1, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if !f.SlowRelease(end) {
		t.Error("not slow with many names")
	}
	if err := errno(f.Open(nil, &fuse.OpenIn{InHeader: *u.at(file), Flags: syscall.O_RDONLY}, new(fuse.OpenOut))); err != nil {
		t.Fatal(err)
	}
	if f.SlowRelease(end) || f.SlowRelease(&fuse.ReleaseIn{InHeader: *u.at(99)}) {
		t.Error("a release that is not the last is slow")
	}
}

// freeSlowly is a tree of large files, in whose store room bytes seem to be free. What gives
// one back counts itself in running until goOn is closed.
func freeSlowly(t *testing.T, size, room int64) (f *FS, running, most *atomic.Int32, goOn chan struct{}) {
	running, most, goOn = new(atomic.Int32), new(atomic.Int32), make(chan struct{})
	f = newTree(t, func(o *Options) {
		o.Store = &hookedStore{Store: o.Store, blocks: size / 512, free: room, beforeFree: func() {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-goOn
			running.Add(-1)
		}}
	})
	return f, running, most, goOn
}

func (u user) removeFiles(t *testing.T, files int) {
	for i := range files {
		node, err := u.create(1, fmt.Sprint(i))
		if err != nil {
			t.Error(err)
			return
		}
		u.release(node)
		if err := u.unlink(1, fmt.Sprint(i)); err != nil {
			t.Error(err)
		}
		u.f.Forget(node, 1)
	}
}

// TestFreedInTurn: each content that is being freed takes a thread, and more files can be
// removed at a time than a process can have threads.
func TestFreedInTurn(t *testing.T) {
	f, running, most, goOn := freeSlowly(t, 2*muchToFree, 1<<40)
	root(f).removeFiles(t, 50)
	waitFor(t, "one is being freed", func() bool { return running.Load() > 0 })
	close(goOn)
	f.freeing.Wait()
	if n := most.Load(); n != 1 {
		t.Errorf("%d were being freed at a time", n)
	}
}

// TestRemovalWaits: who removes a file whose room others may need waits until it is given back, on a mount of his
// own as long as it takes, on a shared one not for long.
func TestRemovalWaits(t *testing.T) {
	for name, private := range map[string]bool{"private": true, "shared": false} {
		t.Run(name, func(t *testing.T) {
			f, running, _, goOn := freeSlowly(t, 2*muchToFree, muchToFree)
			f.opts.Private, f.direct = private, true
			removed := make(chan struct{})
			go func() {
				defer close(removed)
				root(f).removeFiles(t, 1)
			}()
			waitFor(t, "it is being freed", func() bool { return running.Load() == 1 })
			if !private {
				<-removed
			}
			select {
			case <-removed:
				if private {
					t.Error("the removal has not waited")
				}
			default:
			}
			close(goOn)
			<-removed
		})
	}
}

// TestWriteAwaitsRoom: a write that finds no room waits for what is being freed, and is known to.
func TestWriteAwaitsRoom(t *testing.T) {
	const size = muchToFree + 1<<20
	s, err := store.NewMemory(store.MemoryOptions{Size: size + 1<<20, Huge: "never"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	goOn := make(chan struct{})
	f := newTree(t, func(o *Options) { o.Store = &hookedStore{Store: s, beforeFree: func() { <-goOn }} })
	u := root(f)
	old, err := u.create(1, "old")
	if err != nil {
		t.Fatal(err)
	}
	u.fill(t, old, size)
	u.release(old)
	removed := make(chan struct{})
	go func() {
		defer close(removed)
		if err := u.unlink(1, "old"); err != nil {
			t.Error(err)
		}
		f.Forget(old, 1)
	}()
	node, err := u.create(1, "new")
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the content is being freed", func() bool { return f.freeing.bytes.Load() > 0 })
	if !f.SlowWrite(&fuse.WriteIn{InHeader: *u.at(node), Size: 1}) {
		t.Error("it is not known what may have to wait")
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		u.fill(t, node, size) // fails where the room is not waited for
	}()
	close(goOn)
	<-written
	<-removed
	if f.freeing.Wait(); f.SlowWrite(&fuse.WriteIn{InHeader: *u.at(node), Size: 1}) {
		t.Error("a write is slow with nothing being freed")
	}
}
