package lifecycle

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// fakeProc is a /proc in which only this process is.
func fakeProc(t *testing.T, comm, device, fdinfo, cmdline string) (proc string) {
	t.Helper()
	proc = t.TempDir()
	pid := strconv.Itoa(os.Getpid())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Symlink(pid, filepath.Join(proc, "self")))
	dir := filepath.Join(proc, pid)
	must(os.MkdirAll(filepath.Join(dir, "fd"), 0o700))
	must(os.MkdirAll(filepath.Join(dir, "fdinfo"), 0o700))
	must(os.WriteFile(filepath.Join(dir, "comm"), []byte(comm+"\n"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "cmdline"), []byte(strings.ReplaceAll(cmdline, " ", "\x00")+"\x00"), 0o600))
	must(os.Symlink(device, filepath.Join(dir, "fd/5")))
	must(os.WriteFile(filepath.Join(dir, "fdinfo/5"), []byte("pos:\t0\nmnt_id:\t20\n"+fdinfo), 0o600))
	return proc
}

// TestFindServer: by the connection where the kernel tells it, else by the command line of a background process.
func TestFindServer(t *testing.T) {
	real := t.TempDir()
	if err := os.Symlink(real, real+"-link"); err != nil {
		t.Fatal(err)
	}
	mount := &mountinfo.Info{Minor: 41, Mountpoint: real + "/m"}
	for _, c := range []struct {
		name, comm, device, fdinfo, cmdline string
		want                                bool
	}{
		{"connection", "vanishfs", "/dev/fuse", "fuse_connection:\t41\n", "vanishfs mount -f m", true},
		{"another connection", "vanishfs", "/dev/fuse", "fuse_connection:\t412\n", "vanishfs-mount 3,4 " + real + "/m", false},
		{"no connection", "vanishfs", "/dev/null", "", "vanishfs-mount 3,4 " + real + "/m", false},
		{"another program", "sh", "/dev/fuse", "fuse_connection:\t41\n", "sh", false},
		{"old kernel", "vanishfs-mount", "/dev/fuse", "", "vanishfs-mount 3,4 " + real + "/m", true},
		{"old kernel, through a symlink", "vanishfs", "/dev/fuse", "", "vanishfs-mount 3,4 " + real + "-link/m", true},
		{"old kernel, another place", "vanishfs", "/dev/fuse", "", "vanishfs-mount 3,4 " + real + "/n", false},
		{"old kernel, foreground", "vanishfs", "/dev/fuse", "", "vanishfs mount -f " + real + "/m", false},
	} {
		s := findServer(fakeProc(t, c.comm, c.device, c.fdinfo, c.cmdline), mount)
		if got := s != nil; got != c.want {
			t.Errorf("%s: found is %v, want %v", c.name, got, c.want)
		}
		s.close()
	}
	proc := fakeProc(t, "vanishfs", "/dev/fuse", "fuse_connection:\t41\n", "vanishfs")
	if err := os.Remove(proc + "/self"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("1", proc+"/self"); err != nil {
		t.Fatal(err)
	}
	if s := findServer(proc, mount); s != nil {
		t.Error("found a server in the /proc of another pid namespace")
	}
}

// sleeper is a process that ends when it is killed.
func sleeper(t *testing.T, uid int) (s *server, kill func()) {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if uid != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	fd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	s = &server{proc: "/proc/" + strconv.Itoa(cmd.Process.Pid), pid: cmd.Process.Pid, pidfd: fd}
	t.Cleanup(s.close)
	return s, func() { cmd.Process.Kill() }
}

// TestWaitForServer: for as long as it takes where it is one's own, told once; and one that was not waited for has ended.
func TestWaitForServer(t *testing.T) {
	s, kill := sleeper(t, os.Geteuid())
	var told []string
	tick := time.AfterFunc(3*patience*time.Millisecond, kill)
	defer tick.Stop()
	s.wait(time.Millisecond, func(text string, last bool) {
		told = append(told, text)
		if last {
			t.Errorf("is not waited for: %s", text)
		}
	})
	if len(told) != 1 || !strings.Contains(told[0], strconv.Itoa(s.pid)) {
		t.Errorf("told %q", told)
	}
	if !s.ended(0) {
		t.Error("has not ended")
	}
}

// TestWaitForAnother: neither who has stopped a daemon nor who serves something else with it keeps others waiting.
func TestWaitForAnother(t *testing.T) {
	waits := func(s *server, want string) {
		t.Helper()
		var text string
		s.wait(10*time.Millisecond, func(said string, last bool) {
			if last {
				text = said
			}
		})
		if !strings.Contains(text, want) {
			t.Errorf("told %q, want %q", text, want)
		}
	}
	s, _ := sleeper(t, os.Geteuid())
	if err := unix.Kill(s.pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	waits(s, "is stopped")
	if os.Geteuid() == 0 {
		s, _ = sleeper(t, 65534)
		waits(s, "another user")
	}
}
