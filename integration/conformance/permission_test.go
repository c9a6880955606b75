package conformance

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var permissionCases = map[string]harness.Case{
	"OwnBitsAreEnforced": ownBitsAreEnforced,
	"Access":             access,
	"ChownRules":         chownRules,
	"ACL":                acl,
}

// refused is what one's own missing permission bit gives: root is above it.
func refused(t *testing.T, what string, err error) {
	t.Helper()
	if harness.Root() {
		ok(t, what+" as root", err)
		return
	}
	wantErrno(t, what, err, unix.EACCES)
}

func openAndClose(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// A user who takes bits from himself is held to it, also on a private mount.
func ownBitsAreEnforced(t *testing.T, tree harness.Tree) {
	p := func(s string) string { return tree.Dir + s }
	create(t, p("/f"), "x")
	var st unix.Stat_t
	ok(t, "chmod", unix.Chmod(p("/f"), 0))
	refused(t, "read of mode 0", openAndClose(p("/f"), unix.O_RDONLY))
	ok(t, "chmod", unix.Chmod(p("/f"), 0o400))
	ok(t, "read of mode 0400", openAndClose(p("/f"), unix.O_RDONLY))
	refused(t, "write of mode 0400", openAndClose(p("/f"), unix.O_WRONLY))
	refused(t, "O_TRUNC of mode 0400", openAndClose(p("/f"), unix.O_RDONLY|unix.O_TRUNC))
	refused(t, "truncate of mode 0400", unix.Truncate(p("/f"), 0))
	refused(t, "setxattr of mode 0400", unix.Setxattr(p("/f"), "user.a", []byte("x"), 0))
	ok(t, "chmod", unix.Chmod(p("/f"), 0o200))
	refused(t, "read of mode 0200", openAndClose(p("/f"), unix.O_RDONLY))

	ok(t, "mkdir", unix.Mkdir(p("/d"), 0o755))
	create(t, p("/d/f"), "x")
	ok(t, "mkdir", unix.Mkdir(p("/d/sub"), 0o755))
	ok(t, "chmod", unix.Chmod(p("/d"), 0o500))
	ok(t, "stat below 0500", unix.Stat(p("/d/f"), &st))
	ok(t, "write to a file below 0500", openAndClose(p("/d/f"), unix.O_WRONLY))
	refused(t, "create below 0500", openAndClose(p("/d/new"), unix.O_CREAT|unix.O_WRONLY))
	refused(t, "mkdir below 0500", unix.Mkdir(p("/d/newdir"), 0o700))
	refused(t, "symlink below 0500", unix.Symlink("x", p("/d/newlink")))
	refused(t, "mkfifo below 0500", unix.Mkfifo(p("/d/newfifo"), 0o600))
	refused(t, "link below 0500", unix.Link(p("/f"), p("/d/newname")))
	refused(t, "O_TMPFILE below 0500", openAndClose(p("/d"), unix.O_TMPFILE|unix.O_RDWR))
	refused(t, "rename out of 0500", unix.Rename(p("/d/f"), p("/moved")))
	refused(t, "rename into 0500", unix.Rename(p("/f"), p("/d/f2")))
	if !harness.Root() {
		refused(t, "unlink below 0500", unix.Unlink(p("/d/f")))
		refused(t, "rmdir below 0500", unix.Rmdir(p("/d/sub")))
		refused(t, "exchange", renameat2(p("/d/f"), p("/f"), unix.RENAME_EXCHANGE))
		wantErrno(t, "O_EXCL of an existing name below 0500", openAndClose(p("/d/f"), unix.O_CREAT|unix.O_EXCL|unix.O_RDWR), unix.EEXIST)
	}
	ok(t, "chmod", unix.Chmod(p("/d"), 0o600))
	refused(t, "stat below 0600", unix.Stat(p("/d/sub"), &st))
	refused(t, "list 0600, then look at an entry", unix.Lstat(p("/d/sub"), &st))
	readNames(t, p("/d"))
	refused(t, "chdir", onThreadErr(t, func() error { return unix.Chdir(p("/d")) }))
	ok(t, "chmod", unix.Chmod(p("/d"), 0o300))
	refused(t, "list 0300", openAndClose(p("/d"), unix.O_RDONLY|unix.O_DIRECTORY))
	ok(t, "create below 0300", openAndClose(p("/d/blind"), unix.O_CREAT|unix.O_WRONLY))
	ok(t, "mode back", unix.Chmod(p("/d"), 0o700))

	// Moving a directory to another parent changes its "..", which needs write permission on itself.
	ok(t, "mkdir", unix.Mkdir(p("/moving"), 0o755))
	ok(t, "mkdir", unix.Mkdir(p("/to"), 0o755))
	ok(t, "chmod", unix.Chmod(p("/moving"), 0o500))
	refused(t, "move of a directory of 0500", unix.Rename(p("/moving"), p("/to/moving")))
}

func onThreadErr(t *testing.T, f func() error) (err error) {
	t.Helper()
	onThread(t, func() { err = f() })
	return err
}

func access(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "x")
	ok(t, "F_OK", unix.Access(f, unix.F_OK))
	wantErrno(t, "missing", unix.Access(f+"x", unix.F_OK), unix.ENOENT)
	ok(t, "chmod", unix.Chmod(f, 0o600))
	ok(t, "R_OK|W_OK", unix.Access(f, unix.R_OK|unix.W_OK))
	wantErrno(t, "X_OK of 0600", unix.Access(f, unix.X_OK), unix.EACCES) // root too: no x bit at all
	ok(t, "chmod", unix.Chmod(f, 0o100))
	ok(t, "X_OK of 0100", unix.Access(f, unix.X_OK))
	refused(t, "R_OK of 0100", unix.Access(f, unix.R_OK))
	refused(t, "W_OK of 0100", unix.Faccessat(unix.AT_FDCWD, f, unix.W_OK, unix.AT_EACCESS))
}

func chownRules(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "x")
	uid, gid := os.Geteuid(), os.Getegid()
	ok(t, "to oneself", unix.Chown(f, uid, gid))
	ok(t, "to nobody new", unix.Chown(f, -1, -1))
	if !harness.Root() {
		// In a user namespace an unmapped id is EINVAL before anybody is asked (fs/open.c, chown_common).
		wantErrno(t, "away", unix.Chown(f, uid+1, -1), unix.EPERM, unix.EINVAL)
		wantErrno(t, "to root", unix.Chown(f, 0, -1), unix.EPERM, unix.EINVAL)
		return
	}
	ok(t, "away", unix.Chown(f, 12345, 23456))
	if st := lstat(t, f); st.Uid != 12345 || st.Gid != 23456 {
		t.Errorf("owner %d:%d", st.Uid, st.Gid)
	}
	ok(t, "symlink", unix.Symlink("f", tree.Dir+"/l"))
	ok(t, "lchown", unix.Lchown(tree.Dir+"/l", 5, 6))
	if st := lstat(t, tree.Dir+"/l"); st.Uid != 5 || st.Gid != 6 || lstat(t, f).Uid != 12345 {
		t.Errorf("symlink's owner %d:%d", st.Uid, st.Gid)
	}
}

// POSIX ACLs are taken as a chmod, and could only widen: what is the owner's is applied, the rest dropped.
func acl(t *testing.T, tree harness.Tree) {
	f, d := tree.Dir+"/f", tree.Dir+"/d"
	create(t, f, "x")
	ok(t, "mkdir", unix.Mkdir(d, 0o755))
	if err := unix.Setxattr(f, aclAccess, aclOf(6, 4, 0, 4, 0), 0); err == unix.EOPNOTSUPP && inUserNamespace(t) {
		return // the kernel's answer (fs/fuse/acl.c, fuse_no_acl)
	}
	for _, c := range []struct {
		acl         []byte
		owner, rest uint32 // of the mode
	}{
		{aclOf(6, 4, 0, 4, 0), 0o600, 0},
		{aclOf(4, 7, 7, 4, 0), 0o400, 0o040},
		{aclOf(7, 0, 7, 7, 5), 0o700, 0o075},
		{aclOf(0, 7, 5, 0, 1), 0, 0o001},
	} {
		tick(t)
		before := lstat(t, f)
		ok(t, "set an ACL", unix.Setxattr(f, aclAccess, c.acl, 0))
		if tree.Native {
			continue
		}
		want := c.owner
		if !tree.Owner {
			want |= c.rest
		}
		if st := lstat(t, f); st.Mode&0o7777 != want || st.Ctim == before.Ctim {
			t.Errorf("mode %#o after it, want %#o; ctime %v, was %v", st.Mode&0o7777, want, st.Ctim, before.Ctim)
		}
	}
	ok(t, "set a default ACL", unix.Setxattr(d, aclDefault, aclOf(7, 7, 7, 7, 7), 0))
	ok(t, "remove a default ACL", unix.Removexattr(d, aclDefault))
	ok(t, "remove an ACL", unix.Removexattr(f, aclAccess))
	wantErrno(t, "no ACL", unix.Setxattr(f, aclAccess, []byte{2, 0, 0, 0, 1}, 0), unix.EINVAL, unix.EOPNOTSUPP)
	if !tree.Native {
		_, err := unix.Getxattr(f, aclAccess, make([]byte, 100))
		wantErrno(t, "get an ACL", err, unix.EOPNOTSUPP, unix.ENODATA)
		wantPerm(t, tree, "after a default ACL", d, 0o755)
	}
}

const aclAccess, aclDefault = "system.posix_acl_access", "system.posix_acl_default"

// aclOf is user::owner, user:uid:named, group::group, mask::mask, other::other (include/uapi/linux/posix_acl_xattr.h).
// The user has to be one that has a number here, in a user namespace too: oneself.
func aclOf(owner, named, group, mask, other uint16) []byte {
	acl := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, owner, ^uint32(0)}, {2, named, uint32(os.Geteuid())}, {4, group, ^uint32(0)}, {16, mask, ^uint32(0)}, {32, other, ^uint32(0)}} {
		acl = binary.LittleEndian.AppendUint16(acl, e.tag)
		acl = binary.LittleEndian.AppendUint16(acl, e.perm)
		acl = binary.LittleEndian.AppendUint32(acl, e.id)
	}
	return acl
}

func inUserNamespace(t *testing.T) bool {
	t.Helper()
	ids, err := os.ReadFile("/proc/self/uid_map")
	ok(t, "read uid_map", err)
	return !strings.Contains(string(ids), "4294967295")
}

var modeCases = map[string]harness.Case{
	"ChmodBits":           chmodBits,
	"SpecialBitsAtCreate": specialBitsAtCreate,
}

// In owner mode a chmod that asks for bits which never exist succeeds and keeps what is the owner's.
func chmodBits(t *testing.T, tree harness.Tree) {
	f, d := tree.Dir+"/f", tree.Dir+"/d"
	create(t, f, "")
	ok(t, "mkdir", unix.Mkdir(d, 0o755))
	for _, mode := range []uint32{0o777, 0o755, 0o644, 0o444, 0o4755, 0o1777, 0o700, 0o070, 0o007, 0o100, 0, 0o600} {
		ok(t, "chmod", unix.Chmod(f, mode))
		wantPerm(t, tree, "file", f, mode)
		ok(t, "chmod", unix.Chmod(d, mode))
		wantPerm(t, tree, "directory", d, mode)
	}
	fd := open(t, f, unix.O_RDWR, 0)
	ok(t, "fchmod", unix.Fchmod(fd, 0o751))
	wantPerm(t, tree, "fchmod", f, 0o751)
}

func specialBitsAtCreate(t *testing.T, tree harness.Tree) {
	old := unix.Umask(0)
	defer unix.Umask(old)
	open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o777)
	wantPerm(t, tree, "create 0777", tree.Dir+"/f", 0o777)
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o1777))
	wantPerm(t, tree, "mkdir 1777", tree.Dir+"/d", 0o1777)
	ok(t, "mknod", unix.Mknod(tree.Dir+"/n", unix.S_IFREG|0o666, 0))
	wantPerm(t, tree, "mknod 0666", tree.Dir+"/n", 0o666)
	open(t, tree.Dir+"/r", unix.O_CREAT|unix.O_RDONLY, 0o444)
	wantPerm(t, tree, "create 0444", tree.Dir+"/r", 0o444)
}
