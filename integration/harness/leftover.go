package harness

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// finish ends a mount and shows that it gave everything back.
func (m *Mount) finish(t testing.TB) {
	t.Helper()
	if t.Failed() {
		t.Logf("the daemon's log:\n%s", m.log())
	}
	if m.ended {
		return
	}
	if !alive(m.PID) {
		t.Errorf("the daemon died before the end of the test")
	}
	m.CheckEmpties(t)
	m.Unmount(t)
	m.checkLog(t)
}

// CheckEmpties removes everything in the mount and waits for the usage to be
// what it was when the mount was new.
func (m *Mount) CheckEmpties(t testing.TB) {
	t.Helper()
	if out, err := m.Command("find", m.Dir, "-mindepth", "1", "-delete").CombinedOutput(); err != nil {
		t.Errorf("empty the mount: %v: %s", err, out)
		return
	}
	var s Status
	var err error
	// RELEASE and FORGET come later than the unlink that makes them due.
	Eventually(t, "usage back to what it was", func() bool {
		s, err = m.status()
		return err == nil && s.Used == m.before.Used && s.InodesUsed == m.before.InodesUsed
	}, func() string {
		return fmt.Sprintf("used %d, was %d; inodes %d, was %d; %v", s.Used, m.before.Used, s.InodesUsed, m.before.InodesUsed, err)
	})
}

// CheckGone waits for the mount to be in no mount namespace and for the daemon to have ended.
func (m *Mount) CheckGone(t testing.TB) {
	t.Helper()
	var where []string
	Eventually(t, "no mount left at "+m.Dir, func() bool {
		where = Mounted(m.Dir)
		return len(where) == 0
	}, func() string { return strings.Join(where, ", ") })
	Eventually(t, fmt.Sprintf("daemon %d ended", m.PID), func() bool { return !alive(m.PID) },
		func() string { return commandLine(m.PID) })
}

// checkLog fails the test for what the daemon should never say.
func (m *Mount) checkLog(t testing.TB) {
	t.Helper()
	text := m.log()
	for _, bad := range []string{"panic", "level=ERROR", `"level":"ERROR"`, "goroutine "} {
		if strings.Contains(text, bad) {
			t.Errorf("the daemon's log has %q:\n%s", bad, text)
			break
		}
	}
	checkRaces(t, m.Log)
}

// WatchRaces has the test fail for data races in cmd, which is not started yet, and in what it starts.
func WatchRaces(t testing.TB, cmd *exec.Cmd, u User) {
	t.Helper()
	log := filepath.Join(Mkdir(t, u), "races")
	reportRaces(cmd, log)
	t.Cleanup(func() { checkRaces(t, log) })
}

func checkRaces(t testing.TB, log string) {
	t.Helper()
	reports, err := filepath.Glob(log + ".race.*")
	if err != nil {
		t.Error(err)
	}
	for _, name := range reports {
		text, _ := os.ReadFile(name)
		t.Errorf("data race in vanishfs:\n%s", text)
	}
}

// Mounted lists the processes in whose mount namespace something is mounted at
// or below dir, one process for each namespace.
func Mounted(dir string) []string {
	return scanMountinfo(func(line string) bool {
		f := strings.Fields(line)
		return len(f) > 4 && (f[4] == dir || strings.HasPrefix(f[4], dir+"/"))
	})
}

func scanMountinfo(match func(line string) bool) (found []string) {
	seen := map[string]bool{}
	pids, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range pids {
		ns, err := os.Readlink(p + "/ns/mnt")
		if err != nil || seen[ns] {
			continue
		}
		text, err := os.ReadFile(p + "/mountinfo")
		if err != nil {
			continue
		}
		seen[ns] = true
		for line := range strings.Lines(string(text)) {
			if match(line) {
				found = append(found, filepath.Base(p)+" ("+commandLineOf(p)+"): "+strings.TrimSpace(line))
			}
		}
	}
	return found
}

// alive says whether pid is a process that still runs; a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	rest := stat[bytes.LastIndexByte(stat, ')')+1:]
	f := bytes.Fields(rest)
	return len(f) > 0 && string(f[0]) != "Z" && string(f[0]) != "X"
}

// Alive says whether pid is a process that still runs.
func Alive(pid int) bool { return alive(pid) }

func commandLine(pid int) string { return commandLineOf(fmt.Sprintf("/proc/%d", pid)) }

func commandLineOf(proc string) string {
	text, err := os.ReadFile(proc + "/cmdline")
	if errors.Is(err, unix.ENOENT) {
		return "gone"
	}
	return string(bytes.ReplaceAll(text, []byte{0}, []byte{' '}))
}

// ProcessesWith lists the processes whose environment has the entry name=value:
// the mark that a test puts on a process tree to find what is left of it.
// Marks survive setsid and double forks. The tests' own process is not listed.
func ProcessesWith(entry string) (found []int) {
	pids, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range pids {
		env, err := os.ReadFile(p + "/environ")
		if err != nil {
			continue
		}
		var pid int
		fmt.Sscan(filepath.Base(p), &pid)
		if pid == os.Getpid() || !alive(pid) {
			continue
		}
		for e := range bytes.SplitSeq(env, []byte{0}) {
			if string(e) == entry {
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

// CommandLines describes processes for a failure message.
func CommandLines(pids []int) string {
	var b strings.Builder
	for _, pid := range pids {
		fmt.Fprintf(&b, "%d: %s; ", pid, commandLine(pid))
	}
	return b.String()
}
