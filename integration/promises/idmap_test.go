package promises

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// mappedBy is what an id-mapped mount of these tests adds to the ids of files. No subuid(5) has such ids.
const mappedBy = 1 << 30

// mappedUser is who has the id of the files of user id through such a mount.
func mappedUser(id int) harness.User { return harness.User{UID: mappedBy + id, GID: mappedBy + id} }

func plainUser(id int) harness.User { return harness.User{UID: id, GID: id} }

// idMap mounts dir once more, id-mapped, as a container runtime does for a pod with a user namespace of its own.
func idMap(t *testing.T, dir string) (mapped string, err error) {
	t.Helper()
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: mappedBy, Size: 65536}}
	holder := exec.Command("sleep", "infinity")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids, Pdeathsig: syscall.SIGKILL}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		holder.Process.Kill()
		holder.Wait()
	}()
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", holder.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	defer namespace.Close()
	tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(tree)
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(namespace.Fd())}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return "", err
	}
	mapped = harness.Mkdir(t, harness.Current())
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, mapped, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, "unmount", unix.Unmount(mapped, unix.MNT_DETACH)) })
	return mapped, nil
}

// mustIDMap is idMap where that is to succeed.
func mustIDMap(t *testing.T, dir string) string {
	t.Helper()
	mapped, err := idMap(t, dir)
	if err != nil {
		t.Fatalf("id-map a mount: %v", err)
	}
	return mapped
}

// onIDMapped runs f on a mount that may be id-mapped, of each plane and over each transport.
func onIDMapped(t *testing.T, flags []string, f func(t *testing.T, m *harness.Mount)) {
	if !harness.Root() {
		t.Log("not root: nobody else may map the ids of a mount")
		return
	}
	for _, v := range harness.Variants(t) {
		if v.User.UID != 0 || v.Plane == "" || strings.Contains(v.Name, "run") {
			continue
		}
		if counted := slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(f, "--user-size") }); counted && v.Plane == "direct" {
			continue // there is no direct plane where bytes are counted
		}
		t.Run(v.Name, func(t *testing.T) {
			m := harness.Start(t, v.User, append(append(append([]string{}, v.Flags...), "--allow-other", "--idmap"), flags...)...)
			if s := m.Status(t); s.Plane != v.Plane || s.Transport != v.Via {
				t.Fatalf("it is %s over %s", s.Plane, s.Transport)
			}
			f(t, m)
		})
	}
}

// TestIDMapped: through an id-mapped mount files have other owners than through the one beside it, and the same
// people are let in and kept out as on tmpfs.
func TestIDMapped(t *testing.T) {
	if harness.Root() {
		t.Run("native", func(t *testing.T) { idMappedFiles(t, harness.Tmpfs(t), false) })
	}
	onIDMapped(t, nil, func(t *testing.T, m *harness.Mount) {
		idMappedFiles(t, m.Dir, m.Status(t).Permissions == "owner")
	})
}

func idMappedFiles(t *testing.T, plain string, owner bool) {
	mapped := mustIDMap(t, plain)
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	mode := func(posix uint32) uint32 {
		if owner {
			return posix & 0o700
		}
		return posix
	}
	harness.AsUser(t, mappedUser(1000), func() {
		check(t, "create", os.WriteFile(mapped+"/f", data, 0o640))
		check(t, "mkdir", os.Mkdir(mapped+"/d", 0o750))
		check(t, "symlink", os.Symlink("f", mapped+"/l"))
		check(t, "mkfifo", unix.Mkfifo(mapped+"/p", 0o640))
		check(t, "create", os.WriteFile(mapped+"/d/in", data[:10], 0o640))
		check(t, "rename", os.Rename(mapped+"/d/in", mapped+"/d/out"))
		check(t, "link", os.Link(mapped+"/f", mapped+"/d/f"))
		check(t, "whiteout", unix.Renameat2(unix.AT_FDCWD, mapped+"/d/f", unix.AT_FDCWD, mapped+"/d/g", unix.RENAME_WHITEOUT))
		fd, err := unix.Open(mapped, unix.O_TMPFILE|unix.O_RDWR, 0o640)
		check(t, "O_TMPFILE", err)
		defer unix.Close(fd)
		wantOwner(t, fmt.Sprintf("/proc/self/fd/%d", fd), mappedBy+1000, unix.S_IFREG|mode(0o640))
		got, err := os.ReadFile(mapped + "/f")
		if check(t, "read", err); !bytes.Equal(got, data) {
			t.Error("reads other bytes than were written")
		}
	})
	for name, want := range map[string]uint32{"f": unix.S_IFREG | mode(0o640), "d": unix.S_IFDIR | mode(0o750), "l": unix.S_IFLNK | 0o777,
		"p": unix.S_IFIFO | mode(0o640), "d/out": unix.S_IFREG | mode(0o640), "d/f": unix.S_IFCHR} {
		wantOwner(t, plain+"/"+name, 1000, want)
		wantOwner(t, mapped+"/"+name, mappedBy+1000, want)
	}
	for _, c := range []struct {
		dir   string
		user  harness.User
		write error
	}{
		{mapped, mappedUser(1000), nil}, {mapped, mappedUser(1001), unix.EACCES}, {mapped, plainUser(1000), unix.EACCES},
		{plain, mappedUser(1000), unix.EACCES}, {plain, plainUser(1000), nil}, {plain, plainUser(1001), unix.EACCES},
	} {
		harness.AsUser(t, c.user, func() {
			fd, err := unix.Open(c.dir+"/f", unix.O_RDWR, 0)
			wantError(t, fmt.Sprintf("open of %s/f by %d", c.dir, c.user.UID), err, c.write)
			unix.Close(fd)
			wantError(t, fmt.Sprintf("chmod of %s/f by %d", c.dir, c.user.UID), unix.Chmod(c.dir+"/f", 0o640), denied(c.write))
			wantError(t, fmt.Sprintf("unlink of %s/p by %d", c.dir, c.user.UID), unix.Unlink(c.dir+"/p"), denied(c.write))
			if c.write == nil {
				check(t, "mkfifo", unix.Mkfifo(c.dir+"/p", 0o640))
			}
		})
	}
	// Who has no id in the mapping makes nothing.
	harness.AsUser(t, plainUser(1000), func() {
		wantError(t, "create without an id", os.WriteFile(mapped+"/no", nil, 0o600), unix.EOVERFLOW)
	})
	wantError(t, "whiteout without an id", ignoreEOverflow(unix.Renameat2(unix.AT_FDCWD, mapped+"/f", unix.AT_FDCWD, mapped+"/moved", unix.RENAME_WHITEOUT)), nil)
	check(t, "chown", os.Chown(mapped+"/d", mappedBy+5, mappedBy+6))
	wantOwner(t, plain+"/d", 5, unix.S_IFDIR|mode(0o750))
}

// ignoreEOverflow: tmpfs makes a whiteout of nobody, which is not asked for here.
func ignoreEOverflow(err error) error {
	if err == unix.EOVERFLOW {
		return nil
	}
	return err
}

// denied is EPERM for EACCES: what only an owner may do.
func denied(err error) error {
	if err == unix.EACCES {
		return unix.EPERM
	}
	return err
}

func wantOwner(t *testing.T, path string, id int, mode uint32) {
	t.Helper()
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	if strings.HasPrefix(path, "/proc/") {
		err = unix.Stat(path, &st)
	}
	if err != nil || st.Uid != uint32(id) || st.Gid != uint32(id) && id != 5 || st.Mode != mode {
		t.Errorf("%s: of %d:%d, mode %o, %v; want %d, %o", path, st.Uid, st.Gid, st.Mode, err, id, mode)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if pathErr, ok := err.(*os.PathError); ok {
		err = pathErr.Err
	}
	if err != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// TestIDMappedMagic: a magic name is for the user who was given it, whatever ids the mount gives him.
func TestIDMappedMagic(t *testing.T) {
	onIDMapped(t, nil, func(t *testing.T, m *harness.Mount) {
		mapped := mustIDMap(t, m.Dir)
		for _, dir := range []string{mapped, m.Dir} {
			names := map[int]string{}
			for _, id := range []int{1000, 1001} {
				harness.AsUser(t, mappedUser(id), func() {
					name, err := os.Readlink(dir + "/.vanish/new/x")
					check(t, "readlink", err)
					names[id] = strings.TrimPrefix(name, "../../")
				})
			}
			for _, c := range []struct {
				user int
				name string
				err  error
			}{{1000, names[1001], unix.EEXIST}, {1001, names[1000], unix.EEXIST}, {1000, names[1000], nil}, {1001, names[1001], nil}} {
				harness.AsUser(t, mappedUser(c.user), func() {
					fd, err := unix.Open(dir+"/"+c.name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600)
					wantError(t, fmt.Sprintf("creation by %d in %s", c.user, dir), err, c.err)
					unix.Close(fd)
				})
			}
		}
		harness.AsUser(t, mappedUser(1000), func() {
			check(t, "create through the magic path", os.WriteFile(mapped+"/.vanish/new/x", nil, 0o600))
			_, err := os.ReadFile(mapped + "/.vanish/status")
			check(t, "read status", err)
		})
	})
}

// TestIDMappedOrders: only the owner of a file says when it goes, and only who may remount changes the mount.
func TestIDMappedOrders(t *testing.T) {
	onIDMapped(t, nil, func(t *testing.T, m *harness.Mount) {
		mapped := mustIDMap(t, m.Dir)
		once := func(path string) error { return unix.Setxattr(path, "user.vanish.remove", []byte("close"), 0) }
		size := func(dir string) error {
			if err := unix.Setxattr(dir, "trusted.vanish.options", []byte("size=128m"), 0); err != unix.EPERM {
				return fmt.Errorf("as root: %w", err)
			}
			return unix.Setxattr(dir, "user.vanish.size", []byte("128m"), 0)
		}
		harness.AsUser(t, mappedUser(1000), func() {
			check(t, "create", os.WriteFile(mapped+"/f", nil, 0o600))
			check(t, "create", os.WriteFile(mapped+"/others", nil, 0o600))
			check(t, "chmod", os.Chmod(mapped+"/others", 0o666))
			wantError(t, "change of the mount", size(mapped), unix.EPERM)
			wantError(t, "order for the top directory", once(mapped), unix.EPERM)
		})
		var st unix.Stat_t
		check(t, "stat", unix.Lstat(m.Dir+"/others", &st))
		harness.AsUser(t, mappedUser(1001), func() {
			wantError(t, "order by another user", once(mapped+"/f"), unix.EACCES)
			want := unix.EACCES
			if st.Mode&0o022 != 0 {
				want = unix.EPERM
			}
			wantError(t, "order by another user who may write", once(mapped+"/others"), want)
			wantError(t, "change of the mount", size(m.Dir), unix.EPERM)
		})
		harness.AsUser(t, mappedUser(1000), func() {
			check(t, "order by the owner", once(mapped+"/f"))
			fd, err := unix.Open(mapped+"/f", unix.O_RDONLY, 0)
			check(t, "open", err)
			unix.Close(fd)
			harness.Eventually(t, "the file goes at its last close", func() bool { return unix.Access(mapped+"/f", 0) == unix.ENOENT },
				func() string { return "" })
		})
		change(t, m, 0, "--size=128m")
		if s := m.Status(t); s.Size != 128*mib {
			t.Errorf("size is %d", s.Size)
		}
	})
}

// TestIDMappedLimits: a user's limit is that of the id that his files have, and df tells of the whole mount.
func TestIDMappedLimits(t *testing.T) {
	onIDMapped(t, []string{"--user-size=1MiB", "--size=64MiB"}, func(t *testing.T, m *harness.Mount) {
		mapped := mustIDMap(t, m.Dir)
		write := func(path string, size int) error { return os.WriteFile(path, make([]byte, size), 0o600) }
		harness.AsUser(t, mappedUser(1000), func() {
			check(t, "write", write(mapped+"/f", 768<<10))
			wantError(t, "write beyond the limit", write(mapped+"/g", 512<<10), unix.ENOSPC)
			var st unix.Statfs_t
			check(t, "statfs", unix.Statfs(mapped, &st))
			if size := int64(st.Blocks) * st.Bsize; size != 64*mib {
				t.Errorf("statfs shows %d bytes", size)
			}
		})
		harness.AsUser(t, plainUser(1000), func() {
			wantError(t, "write as the same id", write(m.Dir+"/h", 512<<10), unix.ENOSPC)
		})
		harness.AsUser(t, mappedUser(1001), func() { check(t, "write", write(mapped+"/i", 768<<10)) })
		harness.AsUser(t, plainUser(mappedBy+1000), func() { check(t, "write", write(m.Dir+"/j", 768<<10)) })
	})
}

// TestIDMappedAskedFor: without --idmap a mount cannot be id-mapped, and a private one never.
func TestIDMappedAskedFor(t *testing.T) {
	if !harness.Root() {
		t.Log("not root: nobody else may map the ids of a mount")
		return
	}
	m := harness.Start(t, harness.Current(), "--allow-other")
	if _, err := idMap(t, m.Dir); err != unix.EINVAL {
		t.Errorf("id-map a mount that is not meant for it: %v, want EINVAL", err)
	}
	dir := harness.Mkdir(t, harness.Current())
	cmd := harness.Vanishfs(harness.Current(), "mount", "--idmap", dir)
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() == 0 || !strings.Contains(string(out), "idmap needs allow-other") {
		t.Errorf("mount --idmap without --allow-other: exit code %d, %s", cmd.ProcessState.ExitCode(), out)
		unix.Unmount(dir, unix.MNT_DETACH)
	}
}
