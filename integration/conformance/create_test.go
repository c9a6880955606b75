package conformance

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var createCases = map[string]harness.Case{
	"CreateExclusive":         createExclusive,
	"CreateErrors":            createErrors,
	"CreateThroughSymlink":    createThroughSymlink,
	"CreateUmask":             createUmask,
	"CreateUnwritableHandle":  createUnwritableHandle,
	"OpenTruncates":           openTruncates,
	"UnlinkErrors":            unlinkErrors,
	"RecreatedIsAnotherInode": recreatedIsAnotherInode,
	"Mknod":                   mknod,
}

func createExclusive(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	fd := open(t, f, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o640)
	if st := fstat(t, fd); st.Size != 0 || st.Nlink != 1 || st.Mode != unix.S_IFREG|wantMode(tree, 0o640) || int(st.Uid) != os.Geteuid() {
		t.Errorf("a new file is %+v", st)
	}
	_, err := unix.Open(f, unix.O_CREAT|unix.O_EXCL, 0o600)
	wantErrno(t, "again", err, unix.EEXIST)
	ok(t, "symlink", os.Symlink("nowhere", tree.Dir+"/l"))
	_, err = unix.Open(tree.Dir+"/l", unix.O_CREAT|unix.O_EXCL, 0o600)
	wantErrno(t, "over a dangling symlink", err, unix.EEXIST)
	_, err = unix.Open(tree.Dir, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600)
	wantErrno(t, "over a directory", err, unix.EEXIST)
}

func createErrors(t *testing.T, tree harness.Tree) {
	create(t, tree.Dir+"/f", "")
	for _, c := range []struct {
		path  string
		flags int
		want  unix.Errno
	}{
		{"/no/f", unix.O_CREAT | unix.O_RDWR, unix.ENOENT},
		{"/f/x", unix.O_CREAT | unix.O_RDWR, unix.ENOTDIR},
		{"/f/", unix.O_RDONLY, unix.ENOTDIR},
		{"/new/", unix.O_CREAT | unix.O_RDWR, unix.EISDIR},
		{"", unix.O_CREAT | unix.O_RDWR, unix.EISDIR},
		{"", unix.O_WRONLY, unix.EISDIR},
		{"", unix.O_RDWR, unix.EISDIR},
		{"", unix.O_RDONLY | unix.O_TRUNC, unix.EISDIR},
		{"/f", unix.O_RDONLY | unix.O_DIRECTORY, unix.ENOTDIR},
		{"/none", unix.O_RDONLY, unix.ENOENT},
	} {
		_, err := unix.Open(tree.Dir+c.path, c.flags, 0o600)
		wantErrno(t, "open "+c.path, err, c.want)
	}
	wantMissing(t, tree.Dir+"/new")
}

func createThroughSymlink(t *testing.T, tree harness.Tree) {
	ok(t, "symlink", os.Symlink("target", tree.Dir+"/l"))
	create(t, tree.Dir+"/l", "through")
	wantContent(t, tree.Dir+"/target", "through")
}

func createUmask(t *testing.T, tree harness.Tree) {
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o666)
	wantPerm(t, tree, "create 0666 under 027", tree.Dir+"/f", 0o640)
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o777))
	wantPerm(t, tree, "mkdir 0777 under 027", tree.Dir+"/d", 0o750)
	ok(t, "mkfifo", unix.Mkfifo(tree.Dir+"/p", 0o666))
	wantPerm(t, tree, "mkfifo 0666 under 027", tree.Dir+"/p", 0o640)
	unix.Umask(0o700)
	open(t, tree.Dir+"/g", unix.O_CREAT|unix.O_RDWR, 0o666)
	wantPerm(t, tree, "create 0666 under 700", tree.Dir+"/g", 0o066)
}

// A descriptor from open(O_CREAT) can write whatever mode the file got.
func createUnwritableHandle(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o400)
	pwrite(t, fd, "written", 0)
	wantContent(t, tree.Dir+"/f", "written")
	wantPerm(t, tree, "create 0400", tree.Dir+"/f", 0o400)
}

func openTruncates(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "some content")
	other := open(t, f, unix.O_RDONLY, 0)
	open(t, f, unix.O_WRONLY|unix.O_TRUNC, 0)
	if st := fstat(t, other); st.Size != 0 || st.Blocks != 0 {
		t.Errorf("after O_TRUNC another handle sees %d bytes, %d blocks", st.Size, st.Blocks)
	}
	wantBytes(t, "read after O_TRUNC", other, 0, []byte{})
}

func unlinkErrors(t *testing.T, tree harness.Tree) {
	create(t, tree.Dir+"/f", "")
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o755))
	wantErrno(t, "unlink missing", unix.Unlink(tree.Dir+"/no"), unix.ENOENT)
	wantErrno(t, "unlink directory", unix.Unlink(tree.Dir+"/d"), unix.EISDIR)
	wantErrno(t, "unlink below file", unix.Unlink(tree.Dir+"/f/x"), unix.ENOTDIR)
	wantErrno(t, "unlink f/", unix.Unlink(tree.Dir+"/f/"), unix.ENOTDIR)
	wantErrno(t, "rmdir file", unix.Rmdir(tree.Dir+"/f"), unix.ENOTDIR)
	ok(t, "unlink", unix.Unlink(tree.Dir+"/f"))
	wantErrno(t, "unlink twice", unix.Unlink(tree.Dir+"/f"), unix.ENOENT)
}

func recreatedIsAnotherInode(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "old")
	old := open(t, f, unix.O_RDWR, 0)
	ok(t, "unlink", unix.Unlink(f))
	create(t, f, "new")
	pwrite(t, old, "OLD", 0)
	wantContent(t, f, "new")
	wantBytes(t, "old handle", old, 0, []byte("OLD"))
	if a, b := fstat(t, old), lstat(t, f); a.Ino == b.Ino {
		t.Errorf("both are inode %d", a.Ino)
	}
}

func mknod(t *testing.T, tree harness.Tree) {
	ok(t, "mknod regular", unix.Mknod(tree.Dir+"/f", unix.S_IFREG|0o600, 0))
	create(t, tree.Dir+"/f", "usable")
	ok(t, "mknod fifo", unix.Mknod(tree.Dir+"/p", unix.S_IFIFO|0o600, 0))
	ok(t, "mknod socket", unix.Mknod(tree.Dir+"/s", unix.S_IFSOCK|0o600, 0))
	wantErrno(t, "mknod directory", unix.Mknod(tree.Dir+"/d", unix.S_IFDIR|0o700, 0), unix.EPERM)
	wantErrno(t, "mknod existing", unix.Mknod(tree.Dir+"/f", unix.S_IFREG|0o600, 0), unix.EEXIST)
	for _, kind := range []uint32{unix.S_IFCHR, unix.S_IFBLK} {
		err := unix.Mknod(tree.Dir+"/dev", kind|0o600, int(unix.Mkdev(1, 3)))
		if tree.Native && harness.Root() {
			ok(t, "mknod device on tmpfs", err)
			ok(t, "unlink", unix.Unlink(tree.Dir+"/dev"))
			continue
		}
		wantErrno(t, "mknod device", err, unix.EPERM)
		wantMissing(t, tree.Dir+"/dev")
	}
}
