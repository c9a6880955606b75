package promises

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// exists says whether a name is there; a failure other than ENOENT is an error.
func exists(t *testing.T, path string) bool {
	t.Helper()
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		t.Errorf("lstat %s: %v", path, err)
	}
	return err == nil
}

// stays fails if the name is not there now.
func stays(t *testing.T, what, path string) {
	t.Helper()
	if !exists(t, path) {
		t.Errorf("%s: the file is gone", what)
	}
}

func goes(t *testing.T, what, path string) {
	t.Helper()
	harness.Eventually(t, what+": the file goes", func() bool { return !exists(t, path) }, func() string { return path + " is there" })
}

// settled waits until the daemon has done what the closes made so far ask for:
// RELEASE is asynchronous, so its effect is waited for on another file, closed later.
func settled(t *testing.T, dir string) {
	t.Helper()
	f := dir + "/settled"
	if fd, err := unix.Open(f, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600); check(t, "create", err) {
		unix.Close(fd)
		goes(t, "probe", f)
	}
}

func onClosePlanes(t *testing.T, f func(t *testing.T, dir string)) {
	harness.OnPlanes(t, []string{"--remove=close"}, func(t *testing.T, m *harness.Mount) {
		m.Do(t, func() { f(t, m.Dir) })
	})
}

func created(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o700)
	check(t, "create", err)
	_, err = unix.Write(fd, make([]byte, 8192))
	check(t, "write", err)
	return fd
}

func TestCloseRemoves(t *testing.T) {
	onClosePlanes(t, func(t *testing.T, dir string) {
		f := dir + "/f"
		fd := created(t, f)
		check(t, "second name", unix.Link(f, f+"2"))
		check(t, "rename", unix.Rename(f, f+"3"))
		again, err := unix.Open(f+"2", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		check(t, "open by name", err)
		unix.Close(fd)
		settled(t, dir)
		stays(t, "second handle", f+"2")
		unix.Close(again)
		goes(t, "last close", f+"2")
		goes(t, "last close, other name", f+"3")
	})
}

func TestCloseCountsDuplicates(t *testing.T) {
	onClosePlanes(t, func(t *testing.T, dir string) {
		f := dir + "/f"
		fd := created(t, f)
		dup, err := unix.Dup(fd)
		check(t, "dup", err)
		unix.Close(fd)
		settled(t, dir)
		stays(t, "dup", f)
		unix.Close(dup)
		goes(t, "close of the dup", f)
	})
}

func TestCloseCountsInherited(t *testing.T) {
	onClosePlanes(t, func(t *testing.T, dir string) {
		f := dir + "/f"
		file := os.NewFile(uintptr(created(t, f)), f)
		cat := exec.Command("cat")
		cat.ExtraFiles = []*os.File{file}
		in, err := cat.StdinPipe()
		check(t, "pipe", err)
		if !check(t, "start", cat.Start()) {
			return
		}
		file.Close()
		settled(t, dir)
		stays(t, "inherited", f)
		in.Close()
		check(t, "cat", cat.Wait())
		goes(t, "end of the child", f)
	})
}

func TestCloseCountsPassed(t *testing.T) {
	onClosePlanes(t, func(t *testing.T, dir string) {
		f := dir + "/f"
		fd := created(t, f)
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		check(t, "socketpair", err)
		check(t, "send", unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(fd), nil, 0))
		unix.Close(fd)
		settled(t, dir)
		stays(t, "in flight in a socket", f)
		buf, oob := make([]byte, 1), make([]byte, 64)
		_, n, _, _, err := unix.Recvmsg(pair[1], buf, oob, unix.MSG_CMSG_CLOEXEC)
		check(t, "receive", err)
		msgs, err := unix.ParseSocketControlMessage(oob[:n])
		if !check(t, "control message", err) || len(msgs) != 1 {
			return
		}
		fds, err := unix.ParseUnixRights(&msgs[0])
		check(t, "rights", err)
		unix.Close(pair[0])
		unix.Close(pair[1])
		settled(t, dir)
		stays(t, "received", f)
		unix.Close(fds[0])
		goes(t, "close by the receiver", f)
	})
}

func TestCloseCountsMappings(t *testing.T) {
	onClosePlanes(t, func(t *testing.T, dir string) {
		f := dir + "/f"
		fd := created(t, f)
		m, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		check(t, "mmap", err)
		unix.Close(fd)
		settled(t, dir)
		stays(t, "mapping", f)
		m[0] = 'x'
		got, err := os.ReadFile(f)
		if err != nil || got[0] != 'x' {
			t.Errorf("opened by name while mapped: %v", err)
		}
		check(t, "munmap", unix.Munmap(m))
		goes(t, "munmap", f)
	})
}

func TestCloseCountsExec(t *testing.T) {
	onClosePlanes(t, func(t *testing.T, dir string) {
		f := dir + "/prog"
		cat, err := exec.LookPath("cat")
		check(t, "cat", err)
		data, err := os.ReadFile(cat)
		check(t, "read", err)
		fd, err := unix.Open(f, unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o700)
		check(t, "create", err)
		hold, err := unix.Open(f, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		check(t, "open", err)
		_, err = unix.Write(fd, data)
		check(t, "write", err)
		unix.Close(fd)
		settled(t, dir)
		cmd := exec.Command(f)
		in, err := cmd.StdinPipe()
		check(t, "pipe", err)
		out, err := cmd.StdoutPipe()
		check(t, "pipe", err)
		if !check(t, "start", cmd.Start()) {
			return
		}
		_, err = io.WriteString(in, "x")
		check(t, "write", err)
		_, err = out.Read(make([]byte, 1))
		check(t, "it runs", err)
		unix.Close(hold)
		settled(t, dir)
		stays(t, "running program", f)
		in.Close()
		check(t, "program", cmd.Wait())
		goes(t, "end of the program", f)
	})
}

// What has no close that FUSE sees, and what was never opened, stays to the end of the session.
func TestCloseLeavesOthers(t *testing.T) {
	onClosePlanes(t, func(t *testing.T, dir string) {
		check(t, "mkdir", os.Mkdir(dir+"/d", 0o700))
		check(t, "symlink", os.Symlink("x", dir+"/l"))
		check(t, "mkfifo", unix.Mkfifo(dir+"/p", 0o600))
		check(t, "socket", unix.Mknod(dir+"/s", unix.S_IFSOCK|0o600, 0))
		settled(t, dir)
		for _, name := range []string{"/d", "/l", "/p", "/s"} {
			stays(t, name, dir+name)
		}
	})
}

// An O_TMPFILE that gets a name loses it at the last close.
func TestCloseTmpfile(t *testing.T) {
	onClosePlanes(t, func(t *testing.T, dir string) {
		fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		check(t, "O_TMPFILE", err)
		check(t, "linkat", unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+itoa(uintptr(fd)), unix.AT_FDCWD, dir+"/t", unix.AT_SYMLINK_FOLLOW))
		stays(t, "linked", dir+"/t")
		unix.Close(fd)
		goes(t, "close", dir+"/t")
	})
}

// TestLinger: removal comes later, and opening again cancels it.
func TestLinger(t *testing.T) {
	const linger = 1500 * time.Millisecond
	harness.OnPlanes(t, []string{"--remove=close", "--linger=1500ms"}, func(t *testing.T, m *harness.Mount) {
		m.Do(t, func() {
			f, probe := m.Dir+"/f", m.Dir+"/probe"
			unix.Close(created(t, f))
			again, err := unix.Open(f, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if !check(t, "open again at once", err) {
				return
			}
			start := time.Now()
			unix.Close(created(t, probe)) // goes when its own time is over, which is later than f's would have been
			goes(t, "linger", probe)
			if took := time.Since(start); took < linger {
				t.Errorf("went after %v", took)
			}
			stays(t, "opened again", f)
			unix.Close(again)
			goes(t, "closed again", f)
		})
	})
}

// TestRemovalOverrides: per file, per directory, by setfattr, by command and by magic name.
func TestRemovalOverrides(t *testing.T) {
	harness.OnPlanes(t, nil, func(t *testing.T, m *harness.Mount) {
		gone := func(name string) {
			t.Helper()
			m.Do(t, func() { goes(t, name, m.Dir+"/"+name) })
		}
		m.Sh(t, `cd "$D"; : > stays; exec 3> one; setfattr -n user.vanish.remove -v close one; exec 3>&-`)
		gone("one")
		m.Sh(t, `cd "$D"; exec 3> two; "$VANISHFS" once two; exec 3>&-`)
		gone("two")
		m.Sh(t, `cd "$D"; mkdir d; setfattr -n user.vanish.remove -v close d; mkdir d/e; : > d/e/f; : > d/g`)
		gone("d/e/f")
		gone("d/g")
		m.Sh(t, `cd "$D"; test -e stays; test -d d/e; : > "d/.vanish/new/x"; echo x > .vanish/once/three`)
		m.Do(t, func() {
			harness.Eventually(t, "once/three goes", func() bool {
				list, err := os.ReadDir(m.Dir)
				return err == nil && len(list) == 2
			}, func() string { list, _ := os.ReadDir(m.Dir); return listing(list) })
		})
	})
	harness.OnPlanes(t, []string{"--remove=close"}, func(t *testing.T, m *harness.Mount) {
		m.Sh(t, `cd "$D"; exec 3> a; "$VANISHFS" keep a; exec 3>&-; exec 3> b; setfattr -n user.vanish.remove -v session b; exec 3>&-
			exec 3> c; setfattr -n user.vanish.remove -v keep c; exec 3>&-; mkdir d; setfattr -n user.vanish.remove -v session d; : > d/f; : > probe`)
		m.Do(t, func() {
			goes(t, "probe", m.Dir+"/probe")
			for _, name := range []string{"a", "b", "c", "d/f"} {
				stays(t, name, m.Dir+"/"+name)
			}
		})
		out, err := m.ShCommand(`setfattr -n user.vanish.remove -v nonsense "$D/a"`).CombinedOutput()
		if err == nil {
			t.Errorf("an unknown policy is accepted: %s", out)
		}
	})
}

func listing(list []os.DirEntry) (s string) {
	for _, e := range list {
		s += e.Name() + " "
	}
	return s
}

// TestRemovalGivesBack: what last close removes is free at once for others.
func TestRemovalGivesBack(t *testing.T) {
	harness.OnPlanes(t, []string{"--remove=close", "--size=16MiB"}, func(t *testing.T, m *harness.Mount) {
		for range 20 {
			m.Sh(t, `head -c 16777216 /dev/zero > "$D/f"`)
			waitUsed(t, m, 0)
		}
	})
}
