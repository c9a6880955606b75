package conformance

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var openCases = map[string]harness.Case{
	"OpenPath":     openPath,
	"OpenNofollow": openNofollow,
	"OpenHandles":  openHandles,
	"OpenDevFd":    openDevFd,
}

func openPath(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "content")
	fd := open(t, f, unix.O_PATH, 0)
	_, err := unix.Read(fd, make([]byte, 1))
	wantErrno(t, "read", err, unix.EBADF)
	wantErrno(t, "fchmod", unix.Fchmod(fd, 0o600), unix.EBADF)
	if st := fstat(t, fd); st.Size != 7 {
		t.Errorf("size %d", st.Size)
	}
	again := open(t, fdPath(fd), unix.O_RDONLY, 0)
	wantBytes(t, "reopened", again, 0, []byte("content"))
	ok(t, "symlink", unix.Symlink("nowhere", tree.Dir+"/l"))
	l := open(t, tree.Dir+"/l", unix.O_PATH|unix.O_NOFOLLOW, 0)
	if st := fstat(t, l); st.Mode&unix.S_IFMT != unix.S_IFLNK {
		t.Errorf("mode %#o", st.Mode)
	}
	buf := make([]byte, 20)
	if n, err := unix.Readlinkat(l, "", buf); err != nil || string(buf[:n]) != "nowhere" {
		t.Errorf("readlinkat: %q, %v", buf[:n], err)
	}
	d := open(t, tree.Dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	n, err := unix.Openat(d, "new", unix.O_CREAT|unix.O_RDWR, 0o600)
	ok(t, "openat", err)
	unix.Close(n)
}

func openNofollow(t *testing.T, tree harness.Tree) {
	create(t, tree.Dir+"/f", "x")
	ok(t, "symlink", unix.Symlink("f", tree.Dir+"/l"))
	ok(t, "a file", openAndClose(tree.Dir+"/f", unix.O_NOFOLLOW))
	wantErrno(t, "a symlink", openAndClose(tree.Dir+"/l", unix.O_NOFOLLOW), unix.ELOOP)
	wantErrno(t, "a symlink as a directory", openAndClose(tree.Dir+"/l", unix.O_NOFOLLOW|unix.O_DIRECTORY), unix.ENOTDIR)
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	_, err := unix.Openat2(unix.AT_FDCWD, tree.Dir+"/l", &how)
	wantErrno(t, "openat2 without symlinks", err, unix.ELOOP)
	d := open(t, tree.Dir, unix.O_DIRECTORY, 0)
	how.Resolve = unix.RESOLVE_BENEATH
	_, err = unix.Openat2(d, "../x", &how)
	wantErrno(t, "openat2 beneath", err, unix.EXDEV)
}

func openHandles(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "")
	var fds []int
	for i := range 1000 {
		fd, err := unix.Open(f, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatalf("handle %d: %v", i, err)
		}
		fds = append(fds, fd)
	}
	for i, fd := range fds {
		pwrite(t, fd, "x", int64(i))
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
	if st := lstat(t, f); st.Size != 1000 {
		t.Errorf("size %d", st.Size)
	}
}

func openDevFd(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o600)
	name, err := os.Readlink(fdPath(fd))
	if err != nil || name != tree.Dir+"/f" {
		t.Errorf("/proc says %q, %v", name, err)
	}
	ok(t, "rename", unix.Rename(tree.Dir+"/f", tree.Dir+"/g"))
	if name, _ = os.Readlink(fdPath(fd)); name != tree.Dir+"/g" {
		t.Errorf("after rename /proc says %q", name)
	}
	ok(t, "unlink", unix.Unlink(tree.Dir+"/g"))
	if name, _ = os.Readlink(fdPath(fd)); name != tree.Dir+"/g (deleted)" {
		t.Errorf("after unlink /proc says %q", name)
	}
}
