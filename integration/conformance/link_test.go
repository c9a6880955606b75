package conformance

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var linkCases = map[string]harness.Case{
	"LinkCounts": linkCounts,
	"LinkErrors": linkErrors,
	"LinkShares": linkShares,
	"LinkMany":   linkMany,
}

func linkCounts(t *testing.T, tree harness.Tree) {
	f, g := tree.Dir+"/f", tree.Dir+"/g"
	create(t, f, "x")
	ok(t, "link", unix.Link(f, g))
	wantNlink(t, "two names", f, 2)
	wantNlink(t, "two names", g, 2)
	ok(t, "unlink", unix.Unlink(f))
	wantNlink(t, "one name", g, 1)
	ok(t, "symlink", os.Symlink("nowhere", tree.Dir+"/l"))
	ok(t, "link to symlink", unix.Link(tree.Dir+"/l", tree.Dir+"/m"))
	wantNlink(t, "symlink with two names", tree.Dir+"/l", 2)
	fd := open(t, g, unix.O_RDONLY, 0)
	ok(t, "unlink last", unix.Unlink(g))
	if st := fstat(t, fd); st.Nlink != 0 {
		t.Errorf("no name: link count %d", st.Nlink)
	}
}

func linkErrors(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "")
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o755))
	wantErrno(t, "existing", unix.Link(f, tree.Dir+"/d"), unix.EEXIST)
	wantErrno(t, "itself", unix.Link(f, f), unix.EEXIST)
	wantErrno(t, "missing", unix.Link(tree.Dir+"/no", tree.Dir+"/x"), unix.ENOENT)
	wantErrno(t, "directory", unix.Link(tree.Dir+"/d", tree.Dir+"/x"), unix.EPERM)
	wantErrno(t, "below file", unix.Link(f, f+"/x"), unix.ENOTDIR)
	wantErrno(t, "below nothing", unix.Link(f, tree.Dir+"/no/x"), unix.ENOENT)
	wantErrno(t, "other filesystem", unix.Link(f, "/var/tmp/x"), unix.EXDEV)
	wantNlink(t, "after failures", f, 1)
}

func linkShares(t *testing.T, tree harness.Tree) {
	f, g := tree.Dir+"/f", tree.Dir+"/d/g"
	create(t, f, "one")
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o755))
	ok(t, "link", unix.Link(f, g))
	create(t, g, "another")
	wantContent(t, f, "another")
	ok(t, "chmod", unix.Chmod(f, 0o500))
	wantPerm(t, tree, "through the other name", g, 0o500)
	if a, b := lstat(t, f), lstat(t, g); a.Ino != b.Ino || a.Size != b.Size || a.Mtim != b.Mtim || a.Ctim != b.Ctim {
		t.Errorf("two names differ: %+v, %+v", a, b)
	}
}

func linkMany(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "x")
	for i := range 1000 {
		ok(t, "link", unix.Link(f, fmt.Sprintf("%s/l%d", tree.Dir, i)))
	}
	wantNlink(t, "1001 names", f, 1001)
}

var symlinkCases = map[string]harness.Case{
	"SymlinkTargets": symlinkTargets,
	"SymlinkErrors":  symlinkErrors,
	"SymlinkLoops":   symlinkLoops,
	"SymlinkFollow":  symlinkFollow,
}

func symlinkTargets(t *testing.T, tree harness.Tree) {
	for i, target := range []string{"x", "/", "../..", "with space\nand line", "\xff\xfe", strings.Repeat("a", 255),
		strings.Repeat("a/", 2047) + "a"} {
		l := fmt.Sprintf("%s/l%d", tree.Dir, i)
		ok(t, "symlink", unix.Symlink(target, l))
		got, err := os.Readlink(l)
		ok(t, "readlink", err)
		if got != target {
			t.Errorf("target of %d bytes comes back as %.40q", len(target), got)
		}
		if st := lstat(t, l); st.Size != int64(len(target)) || st.Mode != unix.S_IFLNK|0o777 {
			t.Errorf("symlink to %d bytes: size %d, mode %#o", len(target), st.Size, st.Mode)
		}
	}
}

func symlinkErrors(t *testing.T, tree harness.Tree) {
	create(t, tree.Dir+"/f", "")
	wantErrno(t, "empty target", unix.Symlink("", tree.Dir+"/x"), unix.ENOENT)
	wantErrno(t, "4096 bytes", unix.Symlink(strings.Repeat("a", 4096), tree.Dir+"/x"), unix.ENAMETOOLONG)
	wantErrno(t, "existing", unix.Symlink("x", tree.Dir+"/f"), unix.EEXIST)
	wantErrno(t, "below file", unix.Symlink("x", tree.Dir+"/f/x"), unix.ENOTDIR)
	_, err := os.Readlink(tree.Dir + "/f")
	wantErrno(t, "readlink of a file", err, unix.EINVAL)
	_, err = os.Readlink(tree.Dir + "/no")
	wantErrno(t, "readlink of nothing", err, unix.ENOENT)
	ok(t, "symlink", unix.Symlink("/etc/passwd", tree.Dir+"/l"))
	buf := make([]byte, 4)
	if n, err := unix.Readlink(tree.Dir+"/l", buf); err != nil || string(buf[:n]) != "/etc" {
		t.Errorf("readlink into 4 bytes: %q, %v", buf[:n], err)
	}
}

func symlinkLoops(t *testing.T, tree harness.Tree) {
	ok(t, "symlink", unix.Symlink("self", tree.Dir+"/self"))
	_, err := os.Open(tree.Dir + "/self")
	wantErrno(t, "link to itself", err, unix.ELOOP)
	_, err = unix.Open(tree.Dir+"/self", unix.O_CREAT|unix.O_RDWR, 0o600)
	wantErrno(t, "create through it", err, unix.ELOOP)
	create(t, tree.Dir+"/0", "end")
	for i := 1; i <= 41; i++ {
		ok(t, "symlink", unix.Symlink(fmt.Sprint(i-1), fmt.Sprintf("%s/%d", tree.Dir, i)))
	}
	wantContent(t, tree.Dir+"/40", "end")
	_, err = os.Open(tree.Dir + "/41")
	wantErrno(t, "41 links", err, unix.ELOOP)
	_, err = unix.Open(tree.Dir+"/1", unix.O_RDONLY|unix.O_NOFOLLOW, 0)
	wantErrno(t, "O_NOFOLLOW", err, unix.ELOOP)
}

func symlinkFollow(t *testing.T, tree harness.Tree) {
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o755))
	create(t, tree.Dir+"/d/f", "x")
	ok(t, "symlink", unix.Symlink("d", tree.Dir+"/l"))
	wantContent(t, tree.Dir+"/l/f", "x")
	ok(t, "symlink up", unix.Symlink("../d/f", tree.Dir+"/d/up"))
	wantContent(t, tree.Dir+"/l/up", "x")
	ok(t, "replace link", os.Remove(tree.Dir+"/l"))
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/e", 0o755))
	create(t, tree.Dir+"/e/f", "y")
	ok(t, "symlink", unix.Symlink("e", tree.Dir+"/l"))
	wantContent(t, tree.Dir+"/l/f", "y")
}
