package promises

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// leftBehind leaves every kind of descendant: in the background, in a session
// of its own, orphaned, deaf to TERM, all of them with files open on the mount.
const leftBehind = `
exec 5> /tmp/open
sleep 1000 &
setsid sleep 1000 &
(setsid sh -c 'sleep 1000 & sleep 1000' &) &
(trap '' TERM HUP INT; setsid sh -c 'while :; do sleep 1000; done' &)
nohup sleep 1000 > /tmp/nohup 2>&1 &
(cd /tmp; setsid sleep 1000 < /tmp/open &)
head -c 1000000 /dev/zero > /tmp/bytes
echo ready
`

// TestGoneAfterRun is promise 3: after the command's own end nothing is left, daemonised grandchildren included.
func TestGoneAfterRun(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		s := newSession(t, u, nil, "sh", "-c", leftBehind+"exit 4")
		s.startReady(t, u)
		s.Wait()
		if code := s.ProcessState.ExitCode(); code != 4 {
			t.Errorf("exit code %d, want 4", code)
		}
		if left := harness.ProcessesWith(s.mark); len(left) > 0 {
			t.Errorf("when run returns there are still %s", harness.CommandLines(left))
		}
	})
}

// TestGoneAfterKillOfCommand: SIGKILL of the command is 137 and ends the rest.
func TestGoneAfterKillOfCommand(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		// The pid is one of the outer namespace's, whatever vanishfs does to that of the command:
		// it is found by a mark that only the command itself has.
		s := newSession(t, u, nil, "sh", "-c", leftBehind+"exec env VANISHFS_TEST_COMMAND=$$ sleep 1000")
		s.startReady(t, u)
		var command []int
		harness.Eventually(t, "the command runs", func() bool {
			command = nil
			for _, pid := range harness.ProcessesWith(s.mark) {
				if env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)); err == nil && strings.Contains(string(env), "VANISHFS_TEST_COMMAND=") {
					command = append(command, pid)
				}
			}
			return len(command) == 1
		}, func() string { return fmt.Sprint(command) })
		for _, pid := range command {
			check(t, "kill", unix.Kill(pid, unix.SIGKILL))
		}
		s.Wait()
		if code := s.ProcessState.ExitCode(); code != 137 {
			t.Errorf("exit code %d, want 137", code)
		}
	})
}

// vanishfsProcesses are the program's own processes in the session.
func (s *session) vanishfsProcesses(t *testing.T) (pids []int) {
	t.Helper()
	for _, pid := range harness.ProcessesWith(s.mark) {
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && exe == harness.Program() {
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		t.Fatal("no process of vanishfs in the session")
	}
	return pids
}

// TestGoneAfterKillOfOne: SIGKILL of any one process of vanishfs ends the session, wholly.
func TestGoneAfterKillOfOne(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		for i := 0; ; i++ {
			s := newSession(t, u, nil, "sh", "-c", leftBehind+"exec sleep 1000")
			s.startReady(t, u)
			pids := s.vanishfsProcesses(t)
			if i >= len(pids) {
				killAll(s)
				break
			}
			t.Logf("killing %s", harness.CommandLines(pids[i:i+1]))
			check(t, "kill", unix.Kill(pids[i], unix.SIGKILL))
			s.Wait()
			s.checkGone(t)
		}
	})
}

func killAll(s *session) {
	for _, pid := range harness.ProcessesWith(s.mark) {
		unix.Kill(pid, unix.SIGKILL)
	}
	s.Wait()
}

// TestGoneAfterKillByName: of everything that is called vanishfs, at once, as
// pkill -9 -f does it.
func TestGoneAfterKillByName(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		s := newSession(t, u, nil, "sh", "-c", leftBehind+"exec sleep 1000")
		s.startReady(t, u)
		for _, pid := range s.vanishfsProcesses(t) {
			args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if err == nil && strings.Contains(string(args), "vanishfs") {
				unix.Kill(pid, unix.SIGKILL)
			}
		}
		s.Wait()
		s.checkGone(t)
	})
}

// TestGoneAfterTerm: TERM to `vanishfs run` while the command ignores it is no way out;
// a second way, its terminal's or parent's end, is that of the command.
func TestGoneAfterTerm(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		s := newSession(t, u, nil, "sh", "-c", leftBehind+"exec sleep 1000")
		s.startReady(t, u)
		check(t, "kill", s.Process.Signal(unix.SIGTERM))
		s.Wait()
		if code := s.ProcessState.ExitCode(); code != 143 {
			t.Errorf("exit code %d, want 143", code)
		}
	})
}

// TestGoneMount: SIGKILL of the daemon of a mount. Callers get an error, not
// a hang; the bytes are gone; `vanishfs umount` and a new mount clear up.
func TestGoneMount(t *testing.T) {
	harness.OnPlanes(t, nil, func(t *testing.T, m *harness.Mount) {
		m.Do(t, func() {
			fd := created(t, m.Dir+"/f")
			defer unix.Close(fd)
			check(t, "kill the daemon", unix.Kill(m.PID, unix.SIGKILL))
			harness.Eventually(t, "the mount answers with an error", func() bool {
				var st unix.Stat_t
				return unix.Stat(m.Dir+"/f", &st) == unix.ENOTCONN
			}, func() string { return "no ENOTCONN" })
		})
		if m.User.UID == os.Getuid() {
			m.Again(t) // a new mount takes the place of the stale one
			if names := m.Sh(t, `ls -A "$D"`); names != "" {
				t.Errorf("the new mount holds %q", names)
			}
		}
		m.Unmount(t)
	})
}
