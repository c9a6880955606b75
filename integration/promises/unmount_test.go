package promises

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// unmounts has "vanishfs umount" unmount dir, and returns what it says.
func unmounts(t *testing.T, u harness.User, args ...string) string {
	t.Helper()
	out, err := harness.Vanishfs(u, append([]string{"umount"}, args...)...).CombinedOutput()
	if err != nil {
		t.Errorf("umount %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// keptElsewhere says whether somebody else's namespace has a copy of the mount, as one that was made on the machine
// meanwhile does where mounts are private: the filesystem lives on then, and umount does not wait.
func keptElsewhere(t *testing.T, dir string) bool {
	t.Helper()
	where := harness.Mounted(dir)
	if len(where) > 0 {
		t.Logf("cannot be tested, a namespace has a copy of the mount: %v", where)
	}
	return len(where) > 0
}

// ended says at once whether the daemon has.
func ended(t *testing.T, m *harness.Mount, want bool) {
	t.Helper()
	if want && keptElsewhere(t, m.Dir) {
		return
	}
	if harness.Alive(m.PID) == want {
		t.Errorf("when umount returns, that the daemon has ended is %v, want %v", !want, want)
	}
}

// onUmount starts a mount that the test ends itself, for every user, transport and plane.
func onUmount(t *testing.T, f func(t *testing.T, m *harness.Mount)) {
	for _, via := range transports() {
		t.Run(via, func(t *testing.T) {
			harness.OnPlanes(t, []string{"--transport=" + via}, func(t *testing.T, m *harness.Mount) {
				m.Ended()
				f(t, m)
				m.CheckGone(t)
			})
		})
	}
}

// TestUmountGivesBack: when umount returns, the daemon has ended, and all is given back.
func TestUmountGivesBack(t *testing.T) {
	onUmount(t, func(t *testing.T, m *harness.Mount) {
		m.Sh(t, `for i in $(seq 4); do head -c 32M /dev/zero > $D/$i; done`)
		if said := unmounts(t, m.User, m.Dir); said != "" {
			t.Errorf("umount says %q", said)
		}
		ended(t, m, true)
	})
}

// TestUmountOfAnother: root waits for the daemon of a user.
func TestUmountOfAnother(t *testing.T) {
	if !harness.Root() {
		t.Fatal("only root may unmount what is another's")
	}
	m := harness.Start(t, harness.Ordinary(t))
	m.Ended()
	unmounts(t, harness.Current(), m.Dir)
	ended(t, m, true)
	m.CheckGone(t)
}

// TestUmountOfStopped: a daemon that is stopped is neither asked nor waited for.
func TestUmountOfStopped(t *testing.T) {
	onUmount(t, func(t *testing.T, m *harness.Mount) {
		check(t, "stop", unix.Kill(m.PID, unix.SIGSTOP))
		if said := unmounts(t, m.User, m.Dir); !strings.Contains(said, "is stopped") && !keptElsewhere(t, m.Dir) {
			t.Errorf("umount says %q", said)
		}
		ended(t, m, false)
		check(t, "continue", unix.Kill(m.PID, unix.SIGCONT))
	})
}

// TestUmountLazily: what is in use goes on, and is not waited for.
func TestUmountLazily(t *testing.T) {
	onUmount(t, func(t *testing.T, m *harness.Mount) {
		use := m.ShCommand(`exec 3> $D/file; echo ready; exec cat`)
		in, err := use.StdinPipe()
		check(t, "pipe", err)
		out, err := use.StdoutPipe()
		check(t, "pipe", err)
		check(t, "start", use.Start())
		ready := make([]byte, 6)
		_, err = out.Read(ready)
		check(t, "read", err)
		if out, err := harness.Vanishfs(m.User, "umount", m.Dir).CombinedOutput(); err == nil {
			t.Errorf("what is in use was unmounted: %s", out)
		}
		unmounts(t, m.User, "--lazy", m.Dir)
		ended(t, m, false)
		in.Close()
		check(t, "wait", use.Wait())
	})
}

// TestUmountOfSeveral: where the filesystem is mounted elsewhere too, in this namespace or in another, it goes on.
func TestUmountOfSeveral(t *testing.T) {
	if !harness.Root() {
		t.Fatal("only root binds a mount to another place")
	}
	for _, via := range transports() {
		t.Run(via, func(t *testing.T) {
			m := harness.Start(t, harness.Current(), "--transport="+via)
			m.Ended()
			other := filepath.Join(harness.Mkdir(t, m.User), "other")
			check(t, "mkdir", os.Mkdir(other, 0o700))
			check(t, "bind", unix.Mount(m.Dir, other, "", unix.MS_BIND, ""))
			unmounts(t, m.User, m.Dir)
			ended(t, m, false)

			away := exec.Command("unshare", "-m", "--propagation", "private", "sh", "-euc", "echo ready; exec cat")
			in, err := away.StdinPipe()
			check(t, "pipe", err)
			out, err := away.StdoutPipe()
			check(t, "pipe", err)
			check(t, "start", away.Start())
			ready := make([]byte, 6)
			_, err = out.Read(ready)
			check(t, "read", err)
			unmounts(t, m.User, other)
			ended(t, m, false)
			in.Close()
			check(t, "wait", away.Wait())
			m.CheckGone(t)
		})
	}
}

// TestUmountBesideOthers: mounts that come and go at the same time get each other's device numbers.
func TestUmountBesideOthers(t *testing.T) {
	u := harness.Current()
	var all sync.WaitGroup
	for range 4 {
		dir := harness.Mkdir(t, u)
		all.Go(func() {
			for range 8 {
				if out, err := harness.Vanishfs(u, "mount", dir).CombinedOutput(); err != nil {
					t.Errorf("mount: %v: %s", err, out)
					return
				}
				out, err := exec.Command("sed", "-n", `s/.*"pid": *\([0-9]*\).*/\1/p`, dir+"/.vanish/status").Output()
				check(t, "status", err)
				pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
				check(t, "pid", err)
				unmounts(t, u, dir)
				if !keptElsewhere(t, dir) && harness.Alive(pid) {
					t.Errorf("umount returned before daemon %d had ended", pid)
				}
			}
		})
	}
	all.Wait()
}
