package conformance

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var dirCases = map[string]harness.Case{
	"MkdirErrors":           mkdirErrors,
	"RmdirErrors":           rmdirErrors,
	"DirLinkCounts":         dirLinkCounts,
	"DeepDirectories":       deepDirectories,
	"RemovedDirHandle":      removedDirHandle,
	"RemovedCwd":            removedCwd,
	"RemoveAll":             removeAll,
	"OpenatAfterMove":       openatAfterMove,
	"DotDotAfterMove":       dotDotAfterMove,
	"ReadOfDirectory":       readOfDirectory,
	"RemoveHundredThousand": removeHundredThousand,
}

func mkdirErrors(t *testing.T, tree harness.Tree) {
	create(t, tree.Dir+"/f", "")
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o755))
	ok(t, "mkdir with slash", unix.Mkdir(tree.Dir+"/e/", 0o755))
	ok(t, "symlink", os.Symlink("nowhere", tree.Dir+"/l"))
	wantErrno(t, "over directory", unix.Mkdir(tree.Dir+"/d", 0o755), unix.EEXIST)
	wantErrno(t, "over file", unix.Mkdir(tree.Dir+"/f", 0o755), unix.EEXIST)
	wantErrno(t, "over dangling symlink", unix.Mkdir(tree.Dir+"/l", 0o755), unix.EEXIST)
	wantErrno(t, "below file", unix.Mkdir(tree.Dir+"/f/d", 0o755), unix.ENOTDIR)
	wantErrno(t, "below nothing", unix.Mkdir(tree.Dir+"/no/d", 0o755), unix.ENOENT)
	wantErrno(t, "dot", unix.Mkdir(tree.Dir+"/.", 0o755), unix.EEXIST)
	st := lstat(t, tree.Dir+"/d")
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Nlink != 2 || int(st.Uid) != os.Geteuid() {
		t.Errorf("a new directory is %+v", st)
	}
	wantPerm(t, tree, "mkdir 0755", tree.Dir+"/d", 0o755)
}

func rmdirErrors(t *testing.T, tree harness.Tree) {
	d := tree.Dir + "/d"
	ok(t, "mkdir", unix.Mkdir(d, 0o755))
	create(t, d+"/f", "")
	wantErrno(t, "not empty", unix.Rmdir(d), unix.ENOTEMPTY)
	wantErrno(t, "missing", unix.Rmdir(tree.Dir+"/no"), unix.ENOENT)
	wantErrno(t, "dot", unix.Rmdir(d+"/."), unix.EINVAL)
	wantErrno(t, "dot dot", unix.Rmdir(d+"/.."), unix.ENOTEMPTY)
	ok(t, "symlink", os.Symlink("d", tree.Dir+"/l"))
	wantErrno(t, "symlink", unix.Rmdir(tree.Dir+"/l"), unix.ENOTDIR)
	ok(t, "unlink", unix.Unlink(d+"/f"))
	ok(t, "rmdir", unix.Rmdir(d))
	wantMissing(t, d)
}

func dirLinkCounts(t *testing.T, tree harness.Tree) {
	for _, d := range []string{"/a", "/b", "/a/1", "/a/2", "/a/3"} {
		ok(t, "mkdir", unix.Mkdir(tree.Dir+d, 0o755))
	}
	create(t, tree.Dir+"/a/f", "")
	wantNlink(t, "three subdirectories", tree.Dir+"/a", 5)
	ok(t, "rmdir", unix.Rmdir(tree.Dir+"/a/3"))
	wantNlink(t, "one removed", tree.Dir+"/a", 4)
	ok(t, "rename", unix.Rename(tree.Dir+"/a/2", tree.Dir+"/b/2"))
	wantNlink(t, "one moved out", tree.Dir+"/a", 3)
	wantNlink(t, "one moved in", tree.Dir+"/b", 3)
	ok(t, "rename over", unix.Rename(tree.Dir+"/a/1", tree.Dir+"/b/2"))
	wantNlink(t, "last moved out", tree.Dir+"/a", 2)
	wantNlink(t, "moved over another", tree.Dir+"/b", 3)
	ok(t, "exchange", unix.Renameat2(unix.AT_FDCWD, tree.Dir+"/a/f", unix.AT_FDCWD, tree.Dir+"/b/2", unix.RENAME_EXCHANGE))
	wantNlink(t, "exchanged in", tree.Dir+"/a", 3)
	wantNlink(t, "exchanged out", tree.Dir+"/b", 2)
}

func deepDirectories(t *testing.T, tree harness.Tree) {
	const depth = 1200 // deeper than PATH_MAX allows a name for
	fd := open(t, tree.Dir, unix.O_DIRECTORY, 0)
	for i := range depth {
		name := fmt.Sprintf("level-%d", i)
		ok(t, "mkdirat", unix.Mkdirat(fd, name, 0o755))
		next, err := unix.Openat(fd, name, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		ok(t, "openat", err)
		if i > 0 {
			unix.Close(fd)
		}
		fd = next
	}
	defer unix.Close(fd)
	f, err := unix.Openat(fd, "bottom", unix.O_CREAT|unix.O_RDWR, 0o600)
	ok(t, "create at the bottom", err)
	unix.Close(f)
}

func removedDirHandle(t *testing.T, tree harness.Tree) {
	d := tree.Dir + "/d"
	ok(t, "mkdir", unix.Mkdir(d, 0o755))
	fd := open(t, d, unix.O_DIRECTORY, 0)
	ok(t, "rmdir", unix.Rmdir(d))
	if st := fstat(t, fd); st.Nlink != 0 {
		t.Errorf("link count %d, want 0", st.Nlink)
	}
	_, err := unix.Openat(fd, "f", unix.O_CREAT|unix.O_RDWR, 0o600)
	wantErrno(t, "create in it", err, unix.ENOENT)
	wantErrno(t, "mkdir in it", unix.Mkdirat(fd, "d", 0o700), unix.ENOENT)
	wantErrno(t, "symlink in it", unix.Symlinkat("x", fd, "l"), unix.ENOENT)
	create(t, tree.Dir+"/f", "")
	wantErrno(t, "link into it", unix.Linkat(unix.AT_FDCWD, tree.Dir+"/f", fd, "f", 0), unix.ENOENT)
	wantErrno(t, "rename into it", unix.Renameat(unix.AT_FDCWD, tree.Dir+"/f", fd, "f"), unix.ENOENT)
	if tmp, err := unix.Openat(fd, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600); err == nil {
		unix.Close(tmp) // as tmpfs has it
	} else {
		wantErrno(t, "O_TMPFILE in it", err, unix.ENOENT)
	}
	_, err = unix.Getdents(fd, make([]byte, 4096))
	wantErrno(t, "list it", err, unix.ENOENT)
}

func removedCwd(t *testing.T, tree harness.Tree) {
	d := tree.Dir + "/cwd"
	ok(t, "mkdir", unix.Mkdir(d, 0o755))
	onThread(t, func() {
		var st unix.Stat_t
		buf := make([]byte, unix.PathMax)
		if err := unix.Chdir(d); err != nil {
			t.Errorf("chdir: %v", err)
			return
		}
		if err := unix.Rmdir(d); err != nil {
			t.Errorf("rmdir: %v", err)
		}
		_, err := unix.Getcwd(buf)
		wantErrno(t, "getcwd", err, unix.ENOENT)
		if err := unix.Stat(".", &st); err != nil || st.Nlink != 0 {
			t.Errorf("stat .: %v, link count %d", err, st.Nlink)
		}
		_, err = unix.Open("f", unix.O_CREAT|unix.O_RDWR, 0o600)
		wantErrno(t, "create", err, unix.ENOENT)
		if err := unix.Chdir(".."); err != nil {
			t.Errorf("chdir ..: %v", err)
		}
		if err := unix.Stat("cwd", &st); err != unix.ENOENT {
			t.Errorf("back in the parent, the removed directory: %v", err)
		}
	})
}

func removeAll(t *testing.T, tree harness.Tree) {
	top := tree.Dir + "/top"
	for i := range 10 {
		for j := range 10 {
			d := fmt.Sprintf("%s/%d/%d", top, i, j)
			ok(t, "mkdir", os.MkdirAll(d, 0o755))
			create(t, d+"/f", "x")
			ok(t, "symlink", os.Symlink("f", d+"/l"))
			ok(t, "link", os.Link(d+"/f", d+"/h"))
		}
	}
	ok(t, "remove all", os.RemoveAll(top))
	wantMissing(t, top)
}

func openatAfterMove(t *testing.T, tree harness.Tree) {
	for _, d := range []string{"/a", "/a/in", "/b"} {
		ok(t, "mkdir", unix.Mkdir(tree.Dir+d, 0o755))
	}
	fd := open(t, tree.Dir+"/a/in", unix.O_DIRECTORY, 0)
	ok(t, "rename", unix.Rename(tree.Dir+"/a/in", tree.Dir+"/b/moved"))
	f, err := unix.Openat(fd, "f", unix.O_CREAT|unix.O_RDWR, 0o600)
	ok(t, "create", err)
	unix.Close(f)
	lstat(t, tree.Dir+"/b/moved/f")
}

func dotDotAfterMove(t *testing.T, tree harness.Tree) {
	for _, d := range []string{"/a", "/a/in", "/b"} {
		ok(t, "mkdir", unix.Mkdir(tree.Dir+d, 0o755))
	}
	ok(t, "rename", unix.Rename(tree.Dir+"/a/in", tree.Dir+"/b/in"))
	if a, b := lstat(t, tree.Dir+"/b/in/.."), lstat(t, tree.Dir+"/b"); a.Ino != b.Ino {
		t.Errorf(".. is inode %d, the parent is %d", a.Ino, b.Ino)
	}
	for _, e := range direntries(t, tree.Dir+"/b/in") {
		if want := lstat(t, tree.Dir+"/b").Ino; e.name == ".." && e.ino != want {
			t.Errorf(".. is listed as inode %d, the parent is %d", e.ino, want)
		}
	}
}

func readOfDirectory(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir, unix.O_DIRECTORY, 0)
	_, err := unix.Read(fd, make([]byte, 10))
	wantErrno(t, "read", err, unix.EISDIR)
	_, err = unix.Write(fd, []byte("x"))
	wantErrno(t, "write", err, unix.EBADF)
	wantErrno(t, "ftruncate", unix.Ftruncate(fd, 0), unix.EINVAL)
	wantErrno(t, "truncate", unix.Truncate(tree.Dir, 0), unix.EISDIR)
	ok(t, "fsync", unix.Fsync(fd))
}

// rm -rf of 100,000 files in one directory; a few thousand where the sizes are scaled down.
func removeHundredThousand(t *testing.T, tree harness.Tree) {
	count := 3_000
	if tree.Large {
		count = 100_000
	}
	d := tree.Dir + "/many"
	ok(t, "mkdir", unix.Mkdir(d, 0o755))
	dirfd := open(t, d, unix.O_DIRECTORY, 0)
	for i := range count {
		if err := unix.Mknodat(dirfd, fmt.Sprintf("file-%d", i), unix.S_IFREG|0o600, 0); err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
	}
	if got := len(getdents(t, dirfd)); got != count+2 {
		t.Errorf("%d entries listed, want %d with . and ..", got, count+2)
	}
	ok(t, "remove all", os.RemoveAll(d))
	wantMissing(t, d)
}
