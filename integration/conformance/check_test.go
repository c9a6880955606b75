package conformance

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// The helpers here stop a case at its first surprise: what follows would only repeat it.

func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func wantErrno(t *testing.T, what string, err error, want ...unix.Errno) {
	t.Helper()
	for _, w := range want {
		if errors.Is(err, w) {
			return
		}
	}
	t.Errorf("%s: got %v, want %v", what, err, want)
}

func create(t *testing.T, path, content string) {
	t.Helper()
	ok(t, "create", os.WriteFile(path, []byte(content), 0o644))
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	ok(t, "read", err)
	if string(got) != want {
		t.Errorf("%s holds %.60q, want %.60q", filepath.Base(path), got, want)
	}
}

func open(t *testing.T, path string, flags int, mode uint32) int {
	t.Helper()
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, mode)
	if err != nil {
		t.Fatalf("open %s %#x: %v", filepath.Base(path), flags, err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func lstat(t *testing.T, path string) (st unix.Stat_t) {
	t.Helper()
	ok(t, "lstat", unix.Lstat(path, &st))
	return st
}

func fstat(t *testing.T, fd int) (st unix.Stat_t) {
	t.Helper()
	ok(t, "fstat", unix.Fstat(fd, &st))
	return st
}

func wantNlink(t *testing.T, what, path string, want uint64) {
	t.Helper()
	if got := uint64(lstat(t, path).Nlink); got != want {
		t.Errorf("%s: link count %d, want %d", what, got, want)
	}
}

func wantPerm(t *testing.T, tree harness.Tree, what, path string, mode uint32) {
	t.Helper()
	if got := lstat(t, path).Mode & 0o7777; got != wantMode(tree, mode) {
		t.Errorf("%s: mode %#o, want %#o", what, got, wantMode(tree, mode))
	}
}

func wantMissing(t *testing.T, path string) {
	t.Helper()
	var st unix.Stat_t
	wantErrno(t, "lstat "+filepath.Base(path), unix.Lstat(path, &st), unix.ENOENT)
}

func pwrite(t *testing.T, fd int, data string, off int64) {
	t.Helper()
	n, err := unix.Pwrite(fd, []byte(data), off)
	ok(t, "pwrite", err)
	if n != len(data) {
		t.Fatalf("pwrite: %d of %d bytes", n, len(data))
	}
}

func wantBytes(t *testing.T, what string, fd int, off int64, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	n, err := unix.Pread(fd, got, off)
	ok(t, what, err)
	if !bytes.Equal(got[:n], want) {
		t.Errorf("%s: %d bytes at %d differ from what they should be", what, n, off)
	}
}

// tick returns once the clock that files are stamped from has moved on, so
// that a stamp taken afterwards differs from one taken before.
func tick(t *testing.T) {
	t.Helper()
	before, deadline := coarse(t), time.Now().Add(harness.Patience)
	for coarse(t)-before < int64(8*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the clock stands still")
		}
		runtime.Gosched()
	}
}

func coarse(t *testing.T) int64 {
	var ts unix.Timespec
	ok(t, "clock_gettime", unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &ts))
	return ts.Nano()
}

// onThread runs f on a thread of its own, whose working directory and
// the like it may change.
func onThread(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			done <- err
			return
		}
		// The thread ends with the goroutine, unless it is the process's first: that one is parked
		// for ever (runtime/proc.go, mexit), and would keep the mount busy.
		defer unix.Chdir("/")
		f()
	}()
	ok(t, "unshare(CLONE_FS)", <-done)
}
