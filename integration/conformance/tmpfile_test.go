package conformance

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var tmpfileCases = map[string]harness.Case{
	"TmpfileUnnamed":   tmpfileUnnamed,
	"TmpfileLink":      tmpfileLink,
	"TmpfileExclusive": tmpfileExclusive,
	"TmpfileErrors":    tmpfileErrors,
}

func fdPath(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

func tmpfileUnnamed(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir, unix.O_TMPFILE|unix.O_RDWR, 0o640)
	if st := fstat(t, fd); st.Nlink != 0 || st.Mode != unix.S_IFREG|wantMode(tree, 0o640) {
		t.Errorf("link count %d, mode %#o", st.Nlink, st.Mode)
	}
	data := pattern(100_000)
	pwrite(t, fd, string(data), 3)
	wantBytes(t, "read back", fd, 3, data)
	if names := readNames(t, tree.Dir); len(names) != 0 {
		t.Errorf("the directory lists %v", names)
	}
	again := open(t, fdPath(fd), unix.O_RDONLY, 0)
	wantBytes(t, "reopened", again, 3, data)
	ok(t, "write-only", unix.Close(open2(t, tree.Dir, unix.O_TMPFILE|unix.O_WRONLY)))
}

func open2(t *testing.T, path string, flags int) int {
	t.Helper()
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
	ok(t, "open", err)
	return fd
}

func tmpfileLink(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir, unix.O_TMPFILE|unix.O_RDWR, 0o644)
	pwrite(t, fd, "content", 0)
	ok(t, "through /proc", unix.Linkat(unix.AT_FDCWD, fdPath(fd), unix.AT_FDCWD, tree.Dir+"/a", unix.AT_SYMLINK_FOLLOW))
	wantContent(t, tree.Dir+"/a", "content")
	wantNlink(t, "linked", tree.Dir+"/a", 1)
	wantPerm(t, tree, "linked", tree.Dir+"/a", 0o644)
	wantErrno(t, "existing name", unix.Linkat(unix.AT_FDCWD, fdPath(fd), unix.AT_FDCWD, tree.Dir+"/a", unix.AT_SYMLINK_FOLLOW), unix.EEXIST)
	ok(t, "a second name", unix.Linkat(unix.AT_FDCWD, fdPath(fd), unix.AT_FDCWD, tree.Dir+"/b", unix.AT_SYMLINK_FOLLOW))
	wantNlink(t, "twice", tree.Dir+"/a", 2)

	// Without CAP_DAC_READ_SEARCH only since Linux 6.10 (fs/namei.c, may_linkat's caller do_linkat).
	fd = open(t, tree.Dir, unix.O_TMPFILE|unix.O_RDWR, 0o600)
	pwrite(t, fd, "empty path", 0)
	err := unix.Linkat(fd, "", unix.AT_FDCWD, tree.Dir+"/c", unix.AT_EMPTY_PATH)
	if !harness.Root() && err == unix.ENOENT {
		t.Log("this kernel has no unprivileged AT_EMPTY_PATH")
		return
	}
	ok(t, "AT_EMPTY_PATH", err)
	wantContent(t, tree.Dir+"/c", "empty path")
	// A file that had a name and lost the last one stays without.
	ok(t, "unlink", unix.Unlink(tree.Dir+"/c"))
	wantErrno(t, "link of an unlinked file", unix.Linkat(fd, "", unix.AT_FDCWD, tree.Dir+"/d", unix.AT_EMPTY_PATH), unix.ENOENT)
}

func tmpfileExclusive(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_EXCL, 0o600)
	pwrite(t, fd, "x", 0)
	wantErrno(t, "link of an O_EXCL file", unix.Linkat(unix.AT_FDCWD, fdPath(fd), unix.AT_FDCWD, tree.Dir+"/a", unix.AT_SYMLINK_FOLLOW), unix.ENOENT)
	wantMissing(t, tree.Dir+"/a")
}

func tmpfileErrors(t *testing.T, tree harness.Tree) {
	create(t, tree.Dir+"/f", "")
	_, err := unix.Open(tree.Dir, unix.O_TMPFILE|unix.O_RDONLY, 0o600)
	wantErrno(t, "read-only", err, unix.EINVAL)
	_, err = unix.Open(tree.Dir+"/f", unix.O_TMPFILE|unix.O_RDWR, 0o600)
	wantErrno(t, "on a file", err, unix.ENOTDIR)
	_, err = unix.Open(tree.Dir+"/no", unix.O_TMPFILE|unix.O_RDWR, 0o600)
	wantErrno(t, "on nothing", err, unix.ENOENT)
}

var unlinkedCases = map[string]harness.Case{
	"UnlinkedFile":   unlinkedFile,
	"UnlinkedReopen": unlinkedReopen,
}

func unlinkedFile(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "before")
	fd := open(t, f, unix.O_RDWR, 0)
	before := fstat(t, fd)
	ok(t, "unlink", unix.Unlink(f))
	st := fstat(t, fd)
	if st.Nlink != 0 || st.Ino != before.Ino || st.Size != 6 {
		t.Errorf("link count %d, inode %d (was %d), size %d", st.Nlink, st.Ino, before.Ino, st.Size)
	}
	pwrite(t, fd, "after it was unlinked", 0)
	wantBytes(t, "read", fd, 0, []byte("after it was unlinked"))
	ok(t, "ftruncate", unix.Ftruncate(fd, 3))
	ok(t, "fchmod", unix.Fchmod(fd, 0o700))
	ok(t, "futimens", unix.UtimesNanoAt(unix.AT_FDCWD, fdPath(fd), []unix.Timespec{{Sec: 5}, {Sec: 6}}, 0))
	ok(t, "fallocate", unix.Fallocate(fd, 0, 0, page))
	ok(t, "fsync", unix.Fsync(fd))
	if st = fstat(t, fd); st.Mode&0o777 != 0o700 || st.Size != page {
		t.Errorf("mode %#o, size %d", st.Mode, st.Size)
	}
}

func unlinkedReopen(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "content")
	ro := open(t, f, unix.O_RDONLY, 0)
	ok(t, "unlink", unix.Unlink(f))
	again := open(t, fdPath(ro), unix.O_RDWR, 0)
	pwrite(t, again, "CON", 0)
	wantBytes(t, "first handle", ro, 0, []byte("CONtent"))
	open(t, fdPath(ro), unix.O_WRONLY|unix.O_TRUNC, 0)
	if st := fstat(t, ro); st.Size != 0 || st.Nlink != 0 {
		t.Errorf("after reopening with O_TRUNC: size %d, link count %d", st.Size, st.Nlink)
	}
}
