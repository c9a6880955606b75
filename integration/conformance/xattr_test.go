package conformance

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var xattrCases = map[string]harness.Case{
	"XattrValues": xattrValues,
	"XattrErrors": xattrErrors,
	"XattrOfDirs": xattrOfDirs,
}

func listXattr(t *testing.T, path string) []string {
	t.Helper()
	buf := make([]byte, 10_000)
	n, err := unix.Listxattr(path, buf)
	ok(t, "listxattr", err)
	names := strings.FieldsFunc(string(buf[:n]), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	return names
}

func xattrValues(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "")
	for _, v := range []string{"", "v", "with\x00zero", strings.Repeat("x", 4000)} {
		ok(t, "set", unix.Setxattr(f, "user.a", []byte(v), 0))
		buf := make([]byte, 5000)
		n, err := unix.Getxattr(f, "user.a", buf)
		ok(t, "get", err)
		if string(buf[:n]) != v {
			t.Errorf("%d bytes come back as %d", len(v), n)
		}
		if n, err = unix.Getxattr(f, "user.a", nil); n != len(v) || err != nil {
			t.Errorf("size of %d bytes: %d, %v", len(v), n, err)
		}
	}
	ok(t, "set another", unix.Setxattr(f, "user.b", []byte("b"), unix.XATTR_CREATE))
	if got := listXattr(t, f); !slices.Equal(got, []string{"user.a", "user.b"}) {
		t.Errorf("listed: %v", got)
	}
	ok(t, "rename", unix.Rename(f, f+"2"))
	ok(t, "remove", unix.Removexattr(f+"2", "user.a"))
	if got := listXattr(t, f+"2"); !slices.Equal(got, []string{"user.b"}) {
		t.Errorf("listed: %v", got)
	}
}

func xattrErrors(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "")
	ok(t, "set", unix.Setxattr(f, "user.a", []byte("value"), 0))
	_, err := unix.Getxattr(f, "user.no", nil)
	wantErrno(t, "get missing", err, unix.ENODATA)
	wantErrno(t, "remove missing", unix.Removexattr(f, "user.no"), unix.ENODATA)
	wantErrno(t, "CREATE of existing", unix.Setxattr(f, "user.a", nil, unix.XATTR_CREATE), unix.EEXIST)
	wantErrno(t, "REPLACE of missing", unix.Setxattr(f, "user.no", nil, unix.XATTR_REPLACE), unix.ENODATA)
	_, err = unix.Getxattr(f, "user.a", make([]byte, 2))
	wantErrno(t, "into 2 bytes", err, unix.ERANGE)
	_, err = unix.Listxattr(f, make([]byte, 2))
	wantErrno(t, "list into 2 bytes", err, unix.ERANGE)
	wantErrno(t, "value of 64 KiB and one", unix.Setxattr(f, "user.big", make([]byte, 65537), 0), unix.E2BIG)
	wantErrno(t, "name of 256 bytes", unix.Setxattr(f, "user."+strings.Repeat("n", 251), nil, 0), unix.ERANGE)
	wantErrno(t, "no such namespace", unix.Setxattr(f, "nonsense.a", nil, 0), unix.EOPNOTSUPP)
	ok(t, "symlink", unix.Symlink("f", tree.Dir+"/l"))
	wantErrno(t, "user attribute of a symlink", unix.Lsetxattr(tree.Dir+"/l", "user.a", nil, 0), unix.EPERM)
	ok(t, "mkfifo", unix.Mkfifo(tree.Dir+"/p", 0o600))
	wantErrno(t, "user attribute of a FIFO", unix.Setxattr(tree.Dir+"/p", "user.a", nil, 0), unix.EPERM)
	if !harness.Root() {
		wantErrno(t, "trusted attribute", unix.Setxattr(f, "trusted.a", nil, 0), unix.EPERM)
	}
}

func xattrOfDirs(t *testing.T, tree harness.Tree) {
	ok(t, "set", unix.Setxattr(tree.Dir, "user.a", []byte("dir"), 0))
	buf := make([]byte, 10)
	if n, err := unix.Getxattr(tree.Dir, "user.a", buf); err != nil || string(buf[:n]) != "dir" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o600)
	ok(t, "unlink", unix.Unlink(tree.Dir+"/f"))
	ok(t, "fsetxattr of an unlinked file", unix.Fsetxattr(fd, "user.a", []byte("x"), 0))
	if n, err := unix.Fgetxattr(fd, "user.a", buf); err != nil || n != 1 {
		t.Errorf("fgetxattr: %d, %v", n, err)
	}
}
