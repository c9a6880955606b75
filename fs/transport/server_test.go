package transport

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOperations(t *testing.T) { eachTransport(t, testOperations) }

func testOperations(t *testing.T, o Options) {
	fsys := newMemFS()
	m := mount(t, fsys, o)
	file, dir := filepath.Join(m.dir, "file"), filepath.Join(m.dir, "dir")

	data := bytes.Repeat([]byte("0123456789abcdef"), 3<<20/16)
	must(t, os.WriteFile(file, data, 0o600))
	root, err := os.Open(m.dir)
	must(t, err)
	must(t, unix.Syncfs(int(root.Fd())))
	must(t, root.Close())
	got, err := os.ReadFile(file)
	must(t, err)
	if !bytes.Equal(got, data) {
		t.Errorf("read %d bytes that are not the %d written", len(got), len(data))
	}
	must(t, os.Truncate(file, 5))
	must(t, os.Mkdir(dir, 0o700))
	must(t, os.Rename(file, filepath.Join(dir, "moved")))
	must(t, os.Symlink("dir/moved", filepath.Join(m.dir, "link")))
	if got, err = os.ReadFile(filepath.Join(m.dir, "link")); err != nil || string(got) != "01234" {
		t.Errorf("read %q, %v through the link", got, err)
	}
	must(t, os.Link(filepath.Join(dir, "moved"), filepath.Join(dir, "again")))
	names, err := os.ReadDir(dir)
	must(t, err)
	if len(names) != 2 {
		t.Errorf("listed %v", names)
	}
	value := make([]byte, 100)
	if n, err := unix.Getxattr(dir, "user.name", value); err != nil || string(value[:n]) != "value" {
		t.Errorf("getxattr: %q, %v", value[:max(n, 0)], err)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(m.dir, &st); err != nil || st.Blocks != 1<<20 {
		t.Errorf("statfs: %d blocks, %v", st.Blocks, err)
	}
	fd, err := unix.Open(m.dir, unix.O_TMPFILE|unix.O_RDWR, 0o600)
	must(t, err)
	must(t, unix.Close(fd))
	must(t, os.RemoveAll(dir))
	until(t, "every handle was released", func() bool { handles, _ := fsys.owed(); return handles == 0 })
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stat of a missing name: %v", err)
	}
	if _, err := os.Stat(filepath.Join(m.dir, "panic")); !errors.Is(err, syscall.EIO) {
		t.Errorf("a handler that panics: %v, want EIO", err)
	}

	must(t, Unmount(m.dir, false))
	m.wait(t)
	if !fsys.ended {
		t.Error("OnUnmount was not called")
	}
	must(t, Mount(mustDevice(t), m.dir, MountOptions{})) // for the cleanup's unmount
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustDevice(t *testing.T) *os.File {
	t.Helper()
	dev, err := OpenDevice()
	must(t, err)
	t.Cleanup(func() { dev.Close() })
	return dev
}

func TestManyCallers(t *testing.T) { eachTransport(t, testManyCallers) }

func testManyCallers(t *testing.T, o Options) {
	m := mount(t, newMemFS(), o)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 50 {
				name := filepath.Join(m.dir, fmt.Sprintf("f%d-%d", i, j))
				text := strings.Repeat(name, 200)
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Error(err)
					return
				}
				if got, err := os.ReadFile(name); err != nil || string(got) != text {
					t.Errorf("read back %d bytes of %d, %v", len(got), len(text), err)
				}
				if err := os.Remove(name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestInterrupt kills a caller whose request waits for its cancel channel.
func TestInterrupt(t *testing.T) { eachTransport(t, testInterrupt) }

func testInterrupt(t *testing.T, o Options) {
	fsys := newMemFS()
	fsys.put("block", "").target = "wait"
	m := mount(t, fsys, o)
	cmd := startCat(t, filepath.Join(m.dir, "block"))
	<-fsys.blocked
	must(t, cmd.Process.Kill())
	cmd.Wait()
	// The kernel lets the dead caller go only when the request is answered; the
	// next one finds its cancel channel open.
	cmd = startCat(t, filepath.Join(m.dir, "block"))
	<-fsys.blocked
	must(t, cmd.Process.Signal(unix.SIGTERM))
	cmd.Wait()
}

// TestAbort ends a connection with a request that waits, a file that is open
// and readers that sleep.
func TestAbort(t *testing.T) { eachTransport(t, testAbort) }

func testAbort(t *testing.T, o Options) {
	fsys := newMemFS()
	fsys.put("block", "").target = "wait"
	fsys.put("file", "text")
	m := mount(t, fsys, o)
	f, err := os.Open(filepath.Join(m.dir, "file"))
	must(t, err)
	defer f.Close()
	cmd := startCat(t, filepath.Join(m.dir, "block"))
	<-fsys.blocked

	m.Abort()
	m.Abort()
	m.wait(t)
	cmd.Wait()
	if _, err := os.Stat(filepath.Join(m.dir, "other")); !errors.Is(err, syscall.ENOTCONN) && !errors.Is(err, syscall.ECONNABORTED) {
		t.Errorf("stat after abort: %v", err)
	}
	if !isStale(m.dir) {
		t.Error("the mount of a dead server is not recognised as stale")
	}
	if err := m.ExpireEntries(); !errors.Is(err, syscall.ENOTCONN) {
		t.Errorf("notify after abort: %v", err)
	}
	if err := m.ExpireEntry(1, "file"); !errors.Is(err, syscall.ENOTCONN) {
		t.Errorf("notify after abort: %v", err)
	}
	if _, err := m.RegisterBacking(0); !errors.Is(err, syscall.ENOTCONN) {
		t.Errorf("register after abort: %v", err)
	}
}

// TestReady: not before Serve, and then soon.
func TestReady(t *testing.T) {
	eachTransport(t, func(t *testing.T, o Options) {
		s, dir := mountUnserved(t, o)
		isReady := func() bool {
			select {
			case <-s.Ready():
				return true
			default:
				return false
			}
		}
		if isReady() {
			t.Error("ready before Serve")
		}
		done := make(chan error, 1)
		go func() { done <- s.Serve() }()
		until(t, "the server is ready", isReady)
		var st unix.Statfs_t
		must(t, unix.Statfs(dir, &st))
		s.Abort()
		must(t, <-done)
	})
}

// TestAbortBesideNotification: who is asked by a caller that a notification waits for
// does not wait for the end of that notification.
func TestAbortBesideNotification(t *testing.T) {
	dev, err := OpenDevice()
	if err != nil {
		t.Skip(err)
	}
	s, err := NewServer(dev, newMemFS(), Options{})
	must(t, err)
	defer dev.Close()
	s.use.RLock() // the notification
	aborted := make(chan struct{})
	go func() { s.Abort(); close(aborted) }()
	until(t, "Abort waits", func() bool {
		if s.use.TryRLock() {
			s.use.RUnlock()
			return false
		}
		return true
	})
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if _, err := s.RegisterBacking(0); !errors.Is(err, syscall.ENOTCONN) {
			t.Errorf("register: %v", err)
		}
		if err := s.UnregisterBacking(1); err != nil {
			t.Errorf("unregister: %v", err)
		}
		if err := s.ExpireEntries(); !errors.Is(err, syscall.ENOTCONN) {
			t.Errorf("expire: %v", err)
		}
	}()
	select {
	case <-answered:
	case <-time.After(5 * time.Second):
		t.Error("the handler waits for the notification")
	}
	s.use.RUnlock()
	<-aborted
	<-answered
}

func TestNotify(t *testing.T) { eachTransport(t, testNotify) }

func testNotify(t *testing.T, o Options) {
	fsys := newMemFS()
	n := fsys.put("file", "old")
	m := mount(t, fsys, o)
	path := filepath.Join(m.dir, "file")
	if st, err := os.Stat(path); err != nil || st.Size() != 3 {
		t.Fatal(st, err)
	}
	fsys.mu.Lock()
	n.data = []byte("longer")
	fsys.mu.Unlock()
	must(t, m.InvalInode(n.id, -1, 0))
	if st, err := os.Stat(path); err != nil || st.Size() != 6 {
		t.Errorf("after InvalInode: %v, %v", st, err)
	}
	root := fsys.nodes[1]
	fsys.mu.Lock()
	delete(root.children, "file")
	fsys.mu.Unlock()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the name should still be cached: %v", err)
	}
	must(t, m.ExpireEntry(1, "file"))
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after ExpireEntry: %v", err)
	}
	must(t, m.ExpireEntry(1, "never-seen"))
	must(t, m.InvalInode(4711, 0, 0))

	fsys.put("expired", "")
	_, err := os.Stat(filepath.Join(m.dir, "expired"))
	must(t, err)
	fsys.mu.Lock()
	delete(root.children, "expired")
	fsys.mu.Unlock()
	if err := m.ExpireEntries(); errors.Is(err, syscall.EINVAL) && !kernelAtLeast(t, 6, 17) {
		t.Log("this kernel cannot expire all entries")
	} else if must(t, err); exists(filepath.Join(m.dir, "expired")) {
		t.Error("the name is still cached after ExpireEntries")
	}

	n = fsys.put("gone", "")
	_, err = os.Stat(filepath.Join(m.dir, "gone"))
	must(t, err)
	fsys.mu.Lock()
	delete(root.children, "gone")
	fsys.mu.Unlock()
	must(t, m.DeleteEntry(1, n.id, "gone"))
	if _, err := os.Stat(filepath.Join(m.dir, "gone")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after DeleteEntry: %v", err)
	}
}

func TestPassthrough(t *testing.T) { eachTransport(t, testPassthrough) }

func testPassthrough(t *testing.T, o Options) {
	fsys := newMemFS()
	o.Passthrough = true
	m := mount(t, fsys, o)
	if f := m.Features(); !f.Passthrough {
		t.Skipf("no passthrough here: %v", f.Reasons)
	}
	backing, err := os.CreateTemp(t.TempDir(), "")
	must(t, err)
	defer backing.Close()
	n := fsys.put("file", "")
	id, err := m.RegisterBacking(int(backing.Fd()))
	must(t, err)
	fsys.mu.Lock()
	n.backing = id
	fsys.mu.Unlock()
	must(t, os.WriteFile(filepath.Join(m.dir, "file"), []byte("direct"), 0o600))
	got, err := os.ReadFile(backing.Name())
	if err != nil || string(got) != "direct" {
		t.Errorf("the backing file holds %q, %v", got, err)
	}
	must(t, m.UnregisterBacking(id))
}
