package promises

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// restlessThreads is how many threads of one process are at work when it is stopped.
const restlessThreads = 8

var _ = register("restless", restless)

// restless is the helper: its threads make, change, list and remove files in the directory that is its argument. It says a
// byte for each round.
func restless(args []string) int {
	failed := make(chan error)
	for i := range restlessThreads {
		go func() {
			for {
				if err := restlessRound(args[0], i); err != nil {
					failed <- err
				}
				fmt.Print(".")
			}
		}()
	}
	fmt.Fprintln(os.Stderr, <-failed)
	return 1
}

func restlessRound(dir string, i int) error {
	name := filepath.Join(dir, fmt.Sprint("restless-", i))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 16*page)); err != nil {
		return err
	}
	for err = unix.EINTR; err == unix.EINTR; { // a signal ends it, as on tmpfs
		err = unix.Fallocate(int(f.Fd()), 0, 0, 64*page)
	}
	if err != nil {
		return err
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, 64*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	mapped[63*page] = 1
	if err := unix.Munmap(mapped); err != nil {
		return err
	}
	if err := os.Rename(name, name+"-renamed"); err != nil {
		return err
	}
	if _, err := os.ReadDir(dir); err != nil {
		return err
	}
	return os.Remove(name + "-renamed")
}

// A stopper is a way to have a process do nothing more without ending it. begin is called once for each process, hold
// returns when it does nothing.
type stopper struct {
	begin, hold, release func(t *testing.T, pid int)
}

// stoppers are by name.
func stoppers(t *testing.T) map[string]stopper {
	t.Helper()
	send := func(s unix.Signal) func(*testing.T, int) {
		return func(t *testing.T, pid int) { check(t, "kill", unix.Kill(pid, s)) }
	}
	all := map[string]stopper{"stopped": {
		begin: func(*testing.T, int) {},
		hold: func(t *testing.T, pid int) {
			send(unix.SIGSTOP)(t, pid)
			harness.Eventually(t, "all threads are stopped", func() bool { return strings.Trim(threadStates(pid), "T") == "" },
				func() string { return threadStates(pid) })
		},
		release: send(unix.SIGCONT),
	}}
	dir := freezer(t)
	if dir == "" {
		t.Log("no cgroup can be made here (not root, or no cgroup2 is mounted writable): frozen callers are not tested")
		return all
	}
	freeze := func(t *testing.T, value string) {
		check(t, "cgroup.freeze", os.WriteFile(dir+"/cgroup.freeze", []byte(value), 0))
		events := func() string {
			text, _ := os.ReadFile(dir + "/cgroup.events")
			return string(text)
		}
		harness.Eventually(t, "frozen is "+value, func() bool { return strings.Contains(events(), "frozen "+value+"\n") }, events)
	}
	all["frozen"] = stopper{
		begin: func(t *testing.T, pid int) {
			freeze(t, "0") // the one before was killed frozen
			check(t, "cgroup.procs", os.WriteFile(dir+"/cgroup.procs", fmt.Append(nil, pid), 0))
		},
		hold:    func(t *testing.T, _ int) { freeze(t, "1") },
		release: func(t *testing.T, _ int) { freeze(t, "0") },
	}
	return all
}

// freezer makes a cgroup that can be frozen and returns its directory, or nothing.
func freezer(t *testing.T) string {
	t.Helper()
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2"))
	check(t, "mounts", err)
	for _, m := range mounts {
		dir := filepath.Join(m.Mountpoint, fmt.Sprint("vanishfs-test-freezer-", os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			harness.Eventually(t, "remove "+dir, func() bool { return unix.Rmdir(dir) == nil }, func() string { return "it is busy" })
		})
		return dir
	}
	return ""
}

// threadStates has a letter for each thread of the process (proc_pid_stat(5)).
func threadStates(pid int) (states string) {
	paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, path := range paths {
		text, _ := os.ReadFile(path)
		if _, rest, found := strings.Cut(string(text), ") "); found {
			states += rest[:1]
		}
	}
	return states
}

// TestStoppedCallers: a process that is stopped or frozen in the middle of whatever it does is answered, keeps nobody
// else waiting in the same directory, and goes on when it may.
func TestStoppedCallers(t *testing.T) {
	for name, s := range stoppers(t) {
		for _, via := range transports() {
			t.Run(name+"/"+via, func(t *testing.T) {
				harness.OnPlanes(t, []string{"--size=64MiB", "--transport=" + via}, func(t *testing.T, m *harness.Mount) {
					stoppedCallers(t, m, s)
				})
			})
		}
	}
}

func stoppedCallers(t *testing.T, m *harness.Mount, s stopper) {
	const times = 5
	var rounds counter
	var errs bytes.Buffer
	cmd := m.User.As(harness.HelperCommand("restless", m.Dir))
	cmd.Stdout, cmd.Stderr = &rounds, &errs
	check(t, "start", cmd.Start())
	pid := cmd.Process.Pid
	defer func() {
		// Killed while it is stopped, which is the worst moment of all.
		unix.Kill(pid, unix.SIGKILL)
		if err := cmd.Wait(); errs.Len() > 0 {
			t.Errorf("%v: %s", err, errs.Bytes())
		}
	}()
	s.begin(t, pid)
	for i := range times {
		before := rounds.Load()
		if !harness.Within(harness.Patience, func() bool { return rounds.Load() > before }) {
			t.Fatalf("they do not go on: threads are %q", threadStates(pid))
		}
		s.hold(t, pid)
		passBy(t, m)
		if i < times-1 {
			s.release(t, pid)
		}
	}
}

// passBy makes, looks at and removes files.
func passBy(t *testing.T, m *harness.Mount) {
	t.Helper()
	cmd := m.User.As(harness.HelperCommand("passerby", m.Dir, "30ms"))
	timer := time.AfterFunc(harness.Patience, func() { cmd.Process.Kill() })
	out, err := cmd.Output()
	var took []time.Duration
	if !timer.Stop() || err != nil || json.Unmarshal(out, &took) != nil || len(took) == 0 {
		stderr := ""
		if e, ok := err.(*exec.ExitError); ok {
			stderr = string(e.Stderr)
		}
		t.Fatalf("nobody else can go on: %v: %s%s", err, out, stderr)
	}
}

// A counter counts what is written to it.
type counter struct{ atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.Add(int64(len(p)))
	return len(p), nil
}
