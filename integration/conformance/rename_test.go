package conformance

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var renameCases = map[string]harness.Case{
	"RenameFiles":        renameFiles,
	"RenameDirs":         renameDirs,
	"RenameErrors":       renameErrors,
	"RenameSameInode":    renameSameInode,
	"RenameFlags":        renameFlags,
	"RenameWhiteout":     renameWhiteout,
	"RenameExchange":     renameExchange,
	"RenameNeverMissing": renameNeverMissing,
	"RenameOpenTarget":   renameOpenTarget,
	"RenameCrossing":     renameCrossing,
}

func renameFiles(t *testing.T, tree harness.Tree) {
	f, g := tree.Dir+"/f", tree.Dir+"/g"
	create(t, f, "f")
	ino := lstat(t, f).Ino
	ok(t, "to a new name", unix.Rename(f, g))
	wantMissing(t, f)
	if lstat(t, g).Ino != ino {
		t.Error("another inode")
	}
	create(t, f, "second")
	ok(t, "over a file", unix.Rename(f, g))
	wantContent(t, g, "second")
	wantMissing(t, f)
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o755))
	ok(t, "into a directory", unix.Rename(g, tree.Dir+"/d/h"))
	wantContent(t, tree.Dir+"/d/h", "second")
	ok(t, "symlink", unix.Symlink("d/h", tree.Dir+"/l"))
	ok(t, "a symlink itself", unix.Rename(tree.Dir+"/l", tree.Dir+"/m"))
	wantContent(t, tree.Dir+"/m", "second")
	create(t, f, "third")
	ok(t, "over a symlink, not through it", unix.Rename(f, tree.Dir+"/m"))
	wantContent(t, tree.Dir+"/d/h", "second")
	wantContent(t, tree.Dir+"/m", "third")
}

func renameDirs(t *testing.T, tree harness.Tree) {
	for _, d := range []string{"/a", "/a/b", "/empty"} {
		ok(t, "mkdir", unix.Mkdir(tree.Dir+d, 0o755))
	}
	create(t, tree.Dir+"/a/b/f", "x")
	ok(t, "over an empty directory", unix.Rename(tree.Dir+"/a", tree.Dir+"/empty"))
	wantContent(t, tree.Dir+"/empty/b/f", "x")
	wantMissing(t, tree.Dir+"/a")
	ok(t, "with slashes", unix.Rename(tree.Dir+"/empty/", tree.Dir+"/c/"))
	wantContent(t, tree.Dir+"/c/b/f", "x")
	ok(t, "up", unix.Rename(tree.Dir+"/c/b", tree.Dir+"/b"))
	ok(t, "down", unix.Rename(tree.Dir+"/c", tree.Dir+"/b/c"))
	wantContent(t, tree.Dir+"/b/f", "x")
}

func renameErrors(t *testing.T, tree harness.Tree) {
	p := func(s string) string { return tree.Dir + s }
	for _, d := range []string{"/d", "/d/sub", "/e", "/full"} {
		ok(t, "mkdir", unix.Mkdir(p(d), 0o755))
	}
	for _, f := range []string{"/f", "/full/x"} {
		create(t, p(f), "x")
	}
	for _, c := range []struct {
		from, to string
		want     unix.Errno
	}{
		{"/no", "/x", unix.ENOENT},
		{"/f", "/no/x", unix.ENOENT},
		{"/f/x", "/x", unix.ENOTDIR},
		{"/f", "/f/x", unix.ENOTDIR},
		{"/f", "/d", unix.EISDIR},
		{"/d", "/f", unix.ENOTDIR},
		{"/d", "/full", unix.ENOTEMPTY},
		{"/d", "/d/x", unix.EINVAL},
		{"/d", "/d/sub/x", unix.EINVAL},
		{"/d", "/d/sub", unix.EINVAL},
		{"/d/sub", "/d", unix.ENOTEMPTY},
		{"/full/x", "/full", unix.ENOTEMPTY},
		{"/f", "/new/", unix.ENOTDIR},
		{"/f/", "/new", unix.ENOTDIR},
		{"/d/.", "/x", unix.EBUSY},
		{"/d/..", "/x", unix.EBUSY},
		{"/e", "/d/.", unix.EBUSY},
	} {
		wantErrno(t, c.from+" to "+c.to, unix.Rename(p(c.from), p(c.to)), c.want)
	}
	wantErrno(t, "to another filesystem", unix.Rename(p("/f"), "/proc/x"), unix.EXDEV)
	wantContent(t, p("/f"), "x")
}

func renameSameInode(t *testing.T, tree harness.Tree) {
	f, g := tree.Dir+"/f", tree.Dir+"/g"
	create(t, f, "x")
	ok(t, "to itself", unix.Rename(f, f))
	ok(t, "link", unix.Link(f, g))
	ok(t, "one name over the other", unix.Rename(f, g))
	wantNlink(t, "nothing happens", f, 2)
	wantNlink(t, "nothing happens", g, 2)
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o755))
	ok(t, "directory to itself", unix.Rename(tree.Dir+"/d", tree.Dir+"/d"))
}

func renameat2(from, to string, flags uint) error {
	return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags)
}

func renameFlags(t *testing.T, tree harness.Tree) {
	f, g := tree.Dir+"/f", tree.Dir+"/g"
	create(t, f, "f")
	create(t, g, "g")
	wantErrno(t, "NOREPLACE over existing", renameat2(f, g, unix.RENAME_NOREPLACE), unix.EEXIST)
	wantErrno(t, "NOREPLACE onto itself", renameat2(f, f, unix.RENAME_NOREPLACE), unix.EEXIST)
	ok(t, "NOREPLACE to a new name", renameat2(f, tree.Dir+"/h", unix.RENAME_NOREPLACE))
	wantContent(t, tree.Dir+"/h", "f")
	wantErrno(t, "both flags", renameat2(g, tree.Dir+"/h", unix.RENAME_NOREPLACE|unix.RENAME_EXCHANGE), unix.EINVAL)
	wantErrno(t, "unknown flag", renameat2(g, tree.Dir+"/h", 1<<20), unix.EINVAL)
	wantErrno(t, "EXCHANGE with nothing", renameat2(g, tree.Dir+"/no", unix.RENAME_EXCHANGE), unix.ENOENT)
	wantErrno(t, "EXCHANGE and WHITEOUT", renameat2(g, tree.Dir+"/h", unix.RENAME_EXCHANGE|unix.RENAME_WHITEOUT), unix.EINVAL)
	wantContent(t, g, "g")
}

func inodesUsed(t *testing.T, dir string) uint64 {
	t.Helper()
	var st unix.Statfs_t
	ok(t, "statfs", unix.Statfs(dir, &st))
	return st.Files - st.Ffree
}

// renameWhiteout leaves a character device of number 0 in the old place, which nobody can use but an overlayfs.
func renameWhiteout(t *testing.T, tree harness.Tree) {
	p := func(s string) string { return tree.Dir + s }
	wantWhiteout := func(what, path string) {
		t.Helper()
		if st := lstat(t, path); st.Mode != unix.S_IFCHR || st.Rdev != 0 || st.Nlink != 1 || st.Uid != uint32(os.Getuid()) {
			t.Errorf("%s: %s is mode %o, device %d, %d links, of %d", what, path, st.Mode, st.Rdev, st.Nlink, st.Uid)
		}
	}
	used := inodesUsed(t, tree.Dir)
	create(t, p("/f"), "f")
	create(t, p("/g"), "g")
	ok(t, "link", unix.Link(p("/g"), p("/same")))
	ok(t, "mkdir", unix.Mkdir(p("/d"), 0o755))
	create(t, p("/d/in"), "in")
	wantErrno(t, "of nothing", renameat2(p("/no"), p("/x"), unix.RENAME_WHITEOUT), unix.ENOENT)
	wantErrno(t, "over existing", renameat2(p("/f"), p("/g"), unix.RENAME_WHITEOUT|unix.RENAME_NOREPLACE), unix.EEXIST)
	wantErrno(t, "directory over file", renameat2(p("/d"), p("/f"), unix.RENAME_WHITEOUT), unix.ENOTDIR)
	ok(t, "one name over the other", renameat2(p("/same"), p("/g"), unix.RENAME_WHITEOUT))
	wantContent(t, p("/same"), "g")
	ok(t, "in a directory", renameat2(p("/f"), p("/x"), unix.RENAME_WHITEOUT))
	wantContent(t, p("/x"), "f")
	wantWhiteout("in a directory", p("/f"))
	ok(t, "over a file in another directory", renameat2(p("/x"), p("/d/in"), unix.RENAME_WHITEOUT))
	wantContent(t, p("/d/in"), "f")
	wantWhiteout("over a file in another directory", p("/x"))
	ok(t, "a directory", renameat2(p("/d"), p("/e"), unix.RENAME_WHITEOUT))
	wantContent(t, p("/e/in"), "f")
	wantWhiteout("a directory", p("/d"))
	ok(t, "over a whiteout", unix.Rename(p("/same"), p("/d")))
	wantContent(t, p("/d"), "g")

	ok(t, "mknod of a whiteout", unix.Mknod(p("/w"), unix.S_IFCHR, 0))
	wantWhiteout("mknod of a whiteout", p("/w"))
	ok(t, "chmod", unix.Chmod(p("/w"), 0o600))
	fd, err := unix.Open(p("/w"), unix.O_RDWR, 0)
	wantErrno(t, "open of a whiteout", err, unix.EACCES, unix.ENXIO)
	unix.Close(fd)
	for _, name := range []string{"/f", "/x", "/w", "/d", "/g", "/e/in"} {
		ok(t, "unlink "+name, unix.Unlink(p(name)))
	}
	ok(t, "rmdir", unix.Rmdir(p("/e")))
	harness.Eventually(t, "every inode is given back", func() bool { return inodesUsed(t, tree.Dir) == used },
		func() string { return fmt.Sprint(inodesUsed(t, tree.Dir), " are counted, ", used, " before") })
}

func renameExchange(t *testing.T, tree harness.Tree) {
	p := func(s string) string { return tree.Dir + s }
	create(t, p("/f"), "f")
	create(t, p("/g"), "g")
	ok(t, "two files", renameat2(p("/f"), p("/g"), unix.RENAME_EXCHANGE))
	wantContent(t, p("/f"), "g")
	wantContent(t, p("/g"), "f")
	ok(t, "mkdir", unix.Mkdir(p("/d"), 0o755))
	ok(t, "mkdir", unix.Mkdir(p("/d/e"), 0o755))
	create(t, p("/d/e/x"), "x")
	ok(t, "file with directory", renameat2(p("/f"), p("/d/e"), unix.RENAME_EXCHANGE))
	wantContent(t, p("/f/x"), "x")
	wantContent(t, p("/d/e"), "g")
	wantErrno(t, "with its own parent", renameat2(p("/d/e"), p("/d"), unix.RENAME_EXCHANGE), unix.ENOTEMPTY, unix.EINVAL)
	wantErrno(t, "with its own child", renameat2(p("/d"), p("/d/e"), unix.RENAME_EXCHANGE), unix.EINVAL)
	ok(t, "with itself", renameat2(p("/d"), p("/d"), unix.RENAME_EXCHANGE))
}

// A name that is replaced by rename is there at every instant, and never half old, half new.
func renameNeverMissing(t *testing.T, tree harness.Tree) {
	target := tree.Dir + "/target"
	create(t, target, "0")
	var done atomic.Bool
	opens := make(chan int)
	go func() {
		n := 0
		for !done.Load() {
			text, err := os.ReadFile(target)
			if err != nil || len(text) == 0 {
				t.Errorf("read %q, %v", text, err)
				break
			}
			var st unix.Stat_t
			if err := unix.Stat(target, &st); err != nil {
				t.Errorf("stat: %v", err)
				break
			}
			n++
		}
		opens <- n
	}()
	for i := range 500 {
		tmp := fmt.Sprintf("%s/tmp%d", tree.Dir, i%3)
		create(t, tmp, fmt.Sprint(i))
		ok(t, "rename", unix.Rename(tmp, target))
	}
	done.Store(true)
	if n := <-opens; n < 10 {
		t.Errorf("only %d looks at the target: nothing was shown", n)
	}
}

func renameOpenTarget(t *testing.T, tree harness.Tree) {
	f, g := tree.Dir+"/f", tree.Dir+"/g"
	create(t, f, "new")
	create(t, g, "old")
	old := open(t, g, unix.O_RDWR, 0)
	moved := open(t, f, unix.O_RDWR, 0)
	ok(t, "rename", unix.Rename(f, g))
	wantBytes(t, "replaced file", old, 0, []byte("old"))
	pwrite(t, moved, "NEW", 0)
	wantContent(t, g, "NEW")
	if a, b := fstat(t, old).Nlink, fstat(t, moved).Nlink; a != 0 || b != 1 {
		t.Errorf("link counts %d and %d, want 0 and 1", a, b)
	}
}

// Two threads that move directories into each other never make a loop.
func renameCrossing(t *testing.T, tree harness.Tree) {
	a, b := tree.Dir+"/a", tree.Dir+"/b"
	ok(t, "mkdir", unix.Mkdir(a, 0o755))
	ok(t, "mkdir", unix.Mkdir(b, 0o755))
	done := make(chan struct{}, 2)
	into := func(x, y string) {
		for range 300 {
			err := unix.Rename(x, y+"/in")
			if err == nil {
				err = unix.Rename(y+"/in", x)
			}
			if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTEMPTY) {
				t.Errorf("rename: %v", err)
			}
		}
		done <- struct{}{}
	}
	go into(a, b)
	go into(b, a)
	<-done
	<-done
	if n := len(readNames(t, tree.Dir)); n != 2 {
		t.Errorf("%d directories are left, want 2", n)
	}
}
