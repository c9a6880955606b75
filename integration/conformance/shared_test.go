package conformance

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// The cases here are root, the owner of the tree's root (mode 1777), and an ordinary user.
var sharedCases = map[string]harness.Case{
	"StickyRoot":     stickyRoot,
	"OthersKeptOut":  othersKeptOut,
	"OthersMayShare": othersMayShare,
	"StickyDir":      stickyDir,
}

// name is a name in the tree's root, which every user may use, that is the case's own.
func name(t *testing.T, tree harness.Tree, s string) string {
	t.Helper()
	p := fmt.Sprintf("%s/shared-%s", tree.Root, s)
	t.Cleanup(func() { os.RemoveAll(p) })
	return p
}

func stickyRoot(t *testing.T, tree harness.Tree) {
	if st := lstat(t, tree.Root); st.Mode != unix.S_IFDIR|0o1777 {
		t.Errorf("the root's mode is %#o", st.Mode)
	}
	mine, dir, his := name(t, tree, "mine"), name(t, tree, "dir"), name(t, tree, "his")
	create(t, mine, "root's")
	ok(t, "chmod", unix.Chmod(mine, 0o666))
	ok(t, "mkdir", unix.Mkdir(dir, 0o777))
	harness.AsUser(t, harness.Ordinary(t), func() {
		if err := os.WriteFile(his, []byte("user's"), 0o644); err != nil {
			t.Errorf("create in the root: %v", err)
		}
		wantErrno(t, "unlink another's file", unix.Unlink(mine), unix.EPERM, unix.EACCES)
		wantErrno(t, "rmdir another's directory", unix.Rmdir(dir), unix.EPERM, unix.EACCES)
		wantErrno(t, "rename another's file", unix.Rename(mine, his+"2"), unix.EPERM, unix.EACCES)
		wantErrno(t, "rename over another's file", unix.Rename(his, mine), unix.EPERM, unix.EACCES)
		wantErrno(t, "exchange with another's file", renameat2(his, mine, unix.RENAME_EXCHANGE), unix.EPERM, unix.EACCES)
		if err := unix.Rename(his, his+"2"); err != nil {
			t.Errorf("rename of one's own: %v", err)
		}
		if err := unix.Unlink(his + "2"); err != nil {
			t.Errorf("unlink of one's own: %v", err)
		}
	})
	wantContent(t, mine, "root's")
}

// Whatever was asked for, in owner mode another user gets at nothing; in posix mode the modes 0600 and 0700 do it.
func othersKeptOut(t *testing.T, tree harness.Tree) {
	f, d := name(t, tree, "file"), name(t, tree, "dir")
	fileMode, dirMode := uint32(0o600), uint32(0o700)
	if tree.Owner {
		fileMode, dirMode = 0o666, 0o777
	}
	old := unix.Umask(0)
	defer unix.Umask(old)
	fd := open(t, f, unix.O_CREAT|unix.O_RDWR, fileMode)
	ok(t, "fchmod", unix.Fchmod(fd, fileMode))
	pwrite(t, fd, "secret", 0)
	ok(t, "mkdir", unix.Mkdir(d, dirMode))
	ok(t, "chmod", unix.Chmod(d, dirMode))
	create(t, d+"/in", "secret")
	harness.AsUser(t, harness.Ordinary(t), func() {
		var st unix.Stat_t
		for what, err := range map[string]error{
			"read":             openAndClose(f, unix.O_RDONLY),
			"write":            openAndClose(f, unix.O_WRONLY),
			"truncate":         unix.Truncate(f, 0),
			"access":           unix.Access(f, unix.R_OK),
			"list":             openAndClose(d, unix.O_RDONLY|unix.O_DIRECTORY),
			"look inside":      unix.Stat(d+"/in", &st),
			"create inside":    openAndClose(d+"/new", unix.O_CREAT|unix.O_WRONLY),
			"O_TMPFILE inside": openAndClose(d, unix.O_TMPFILE|unix.O_RDWR),
			"unlink inside":    unix.Unlink(d + "/in"),
			"magic inside":     unix.Access(d+"/.vanish/status", unix.F_OK),
		} {
			wantErrno(t, what, err, unix.EACCES)
		}
		for what, err := range map[string]error{
			"chmod":  unix.Chmod(f, 0o666),
			"chown":  unix.Chown(f, harness.Ordinary(t).UID, -1),
			"utimes": unix.UtimesNanoAt(unix.AT_FDCWD, f, make([]unix.Timespec, 2), 0),
		} {
			wantErrno(t, what, err, unix.EPERM)
		}
		wantErrno(t, "setxattr", unix.Setxattr(f, "user.a", nil, 0), unix.EACCES, unix.EPERM)
		wantErrno(t, "setxattr of the removal policy", unix.Setxattr(f, "user.vanish.remove", []byte("close"), 0), unix.EACCES, unix.EPERM)
		if err := unix.Stat(f, &st); err != nil {
			t.Errorf("stat of a file in the root: %v", err)
		}
	})
	wantContent(t, f, "secret")
}

// In posix mode group and other bits work; in owner mode there are none.
func othersMayShare(t *testing.T, tree harness.Tree) {
	f := name(t, tree, "file")
	create(t, f, "public")
	ok(t, "chmod", unix.Chmod(f, 0o644))
	user := harness.Ordinary(t)
	harness.AsUser(t, user, func() {
		err := openAndClose(f, unix.O_RDONLY)
		if tree.Owner {
			wantErrno(t, "read", err, unix.EACCES)
		} else if err != nil {
			t.Errorf("read of 0644: %v", err)
		}
		wantErrno(t, "write of 0644", openAndClose(f, unix.O_WRONLY), unix.EACCES)
	})
	ok(t, "chgrp", unix.Chown(f, 0, user.GID))
	ok(t, "chmod", unix.Chmod(f, 0o060))
	harness.AsUser(t, user, func() {
		err := openAndClose(f, unix.O_RDWR)
		if tree.Owner {
			wantErrno(t, "group", err, unix.EACCES)
		} else if err != nil {
			t.Errorf("read and write of 0060 by the group: %v", err)
		}
	})
	ok(t, "given away", unix.Chown(f, user.UID, 0))
	ok(t, "chmod", unix.Chmod(f, 0o600))
	harness.AsUser(t, user, func() {
		if err := openAndClose(f, unix.O_RDWR); err != nil {
			t.Errorf("the new owner: %v", err)
		}
	})
}

// A sticky directory of another user's, below the root.
func stickyDir(t *testing.T, tree harness.Tree) {
	if tree.Owner {
		return // there is no sticky bit below the root: nobody else gets in at all (OthersKeptOut)
	}
	d := name(t, tree, "dir")
	ok(t, "mkdir", unix.Mkdir(d, 0o777))
	ok(t, "chmod", unix.Chmod(d, 0o777))
	create(t, d+"/f", "root's")
	create(t, d+"/g", "root's")
	user := harness.Ordinary(t)
	harness.AsUser(t, user, func() {
		if err := unix.Unlink(d + "/f"); err != nil {
			t.Errorf("without the sticky bit: %v", err)
		}
	})
	ok(t, "chmod", unix.Chmod(d, 0o1777))
	harness.AsUser(t, user, func() { wantErrno(t, "with the sticky bit", unix.Unlink(d+"/g"), unix.EPERM) })
	ok(t, "chown of the directory", unix.Chown(d, user.UID, -1))
	harness.AsUser(t, user, func() {
		if err := unix.Unlink(d + "/g"); err != nil {
			t.Errorf("as the directory's owner: %v", err)
		}
	})
}

// What changes of owner and writes do to set-id bits, and what set-gid directories do.
var ownershipCases = map[string]harness.Case{
	"SetIDDropped":    setIDDropped,
	"SetGIDDirectory": setGIDDirectory,
	"SetGIDForeign":   setGIDForeign,
}

func setIDDropped(t *testing.T, tree harness.Tree) {
	f := name(t, tree, "file")
	create(t, f, "x")
	user := harness.Ordinary(t)
	ok(t, "chown", unix.Chown(f, user.UID, user.GID))
	for what, change := range map[string]func() error{
		"chown":    func() error { return unix.Chown(f, user.UID, user.GID) },
		"write":    func() error { return writeOnce(f) },
		"truncate": func() error { return unix.Truncate(f, 0) },
	} {
		ok(t, "chmod", unix.Chmod(f, 0o6755))
		wantPerm(t, tree, "chmod 6755", f, 0o6755)
		harness.AsUser(t, user, func() {
			if err := change(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		})
		wantPerm(t, tree, "after "+what+" by the owner", f, 0o755)
	}
}

func writeOnce(path string) error {
	fd, err := unix.Open(path, unix.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte("x"))
	return err
}

func setGIDDirectory(t *testing.T, tree harness.Tree) {
	d := name(t, tree, "dir")
	ok(t, "mkdir", unix.Mkdir(d, 0o777))
	ok(t, "chown", unix.Chown(d, 0, 4711))
	ok(t, "chmod", unix.Chmod(d, 0o2777))
	wantPerm(t, tree, "chmod 2777", d, 0o2777)
	create(t, d+"/f", "")
	ok(t, "mkdir", unix.Mkdir(d+"/sub", 0o755))
	wantGID, wantSub := uint32(4711), uint32(0o2755)
	if tree.Owner { // no set-gid bit, so no inheritance
		wantGID, wantSub = uint32(os.Getegid()), 0o755
	}
	if st := lstat(t, d+"/f"); st.Gid != wantGID {
		t.Errorf("a file in a set-gid directory has group %d, want %d", st.Gid, wantGID)
	}
	if st := lstat(t, d+"/sub"); st.Gid != wantGID {
		t.Errorf("a directory in it has group %d, want %d", st.Gid, wantGID)
	}
	wantPerm(t, tree, "mkdir in a set-gid directory", d+"/sub", wantSub)
}

// An owner who is not in the file's group cannot set the set-gid bit.
func setGIDForeign(t *testing.T, tree harness.Tree) {
	f := name(t, tree, "file")
	create(t, f, "")
	user := harness.Ordinary(t)
	ok(t, "chown", unix.Chown(f, user.UID, 4711))
	harness.AsUser(t, user, func() {
		if err := unix.Chmod(f, 0o2755); err != nil {
			t.Errorf("chmod: %v", err)
		}
		wantErrno(t, "chgrp to a foreign group", unix.Chown(f, -1, 4712), unix.EPERM)
		if err := unix.Chown(f, -1, user.GID); err != nil {
			t.Errorf("chgrp to one's own group: %v", err)
		}
	})
	wantPerm(t, tree, "chmod 2755 by one who is not in the group", f, 0o755)
}
