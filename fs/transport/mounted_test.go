package transport

import (
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"vanishfs/fs/mounts"
)

// A mounted is a server on a real mount, served until the end of its test.
type mounted struct {
	*Server
	dir  string
	done chan error // of Serve
}

// mount serves fsys on a directory of its own.
func mount(t testing.TB, fsys fuse.RawFileSystem, o Options) *mounted {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	dev, err := OpenDevice()
	if err != nil {
		t.Fatal(err)
	}
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	s, err := NewServer(dev, fsys, o)
	if err != nil {
		t.Fatal(err)
	}
	m := &mounted{Server: s, dir: t.TempDir(), done: make(chan error, 1)}
	if err := Mount(dev, m.dir, MountOptions{AllowOther: true}); err != nil {
		t.Fatal(err)
	}
	if err := s.Handshake(); err != nil {
		t.Fatal(err)
	}
	if f := s.Features(); o.Transport != "" && f.Transport != o.Transport {
		t.Fatalf("the transport is %s: %v", f.Transport, f.Reasons)
	}
	go func() { m.done <- s.Serve() }()
	refusePoll(t, m.dir)
	t.Cleanup(func() {
		m.Abort()
		if err := Unmount(m.dir, true); err != nil {
			t.Error(err)
		}
		m.wait(t)
	})
	return m
}

// refusePoll makes the kernel ask for POLL once, so that the answer ENOSYS keeps
// it from asking again. A test uses the mount that its own process serves, and
// os.Open asks from inside the runtime, where the processor is not given up:
// with a garbage collection beginning at that moment nobody could answer.
func refusePoll(t testing.TB, dir string) {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0); err != nil {
		t.Fatal(err)
	}
}

// wait waits for the end of Serve.
func (m *mounted) wait(t testing.TB) {
	t.Helper()
	select {
	case err := <-m.done:
		m.done <- nil
		if err != nil {
			t.Errorf("serve: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("serve does not return")
	}
}

// until waits for a condition.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !cond(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// isStale reports whether a vanishfs is mounted on dir, an absolute path, whose daemon is gone.
func isStale(dir string) bool {
	var st unix.Statfs_t // never answered by the kernel alone (fs/fuse/inode.c, fuse_statfs)
	if err := unix.Statfs(dir, &st); !errors.Is(err, unix.ENOTCONN) {
		return false
	}
	// Of several mounts on one place the last one is seen.
	list, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(dir))
	return err == nil && len(list) > 0 && list[len(list)-1].FSType == mounts.Type
}
