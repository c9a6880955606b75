package promises

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// A session is one `vanishfs run`, marked so that what is left of it can be found.
type session struct {
	*exec.Cmd
	mark string // an environment entry of every process in it
	out  bytes.Buffer
	errs bytes.Buffer
}

var sessions atomic.Int64

// newSession prepares `vanishfs run flags -- command`; its end is checked at the end of the test.
func newSession(t *testing.T, u harness.User, flags []string, command ...string) *session {
	t.Helper()
	s := &session{mark: fmt.Sprintf("VANISHFS_TEST_MARK=%d-%d", os.Getpid(), sessions.Add(1))}
	s.Cmd = harness.Vanishfs(u, append(append(append([]string{"run"}, flags...), "--"), command...)...)
	s.Env = append(s.Environ(), s.mark, "LC_ALL=C")
	s.Stdout, s.Stderr = &s.out, &s.errs
	if s.Dir == "" {
		s.Dir = "/"
	}
	harness.WatchRaces(t, s.Cmd, u)
	t.Cleanup(func() { s.checkGone(t) })
	return s
}

// checkGone shows that no process of the session lives, and with them no mount
// namespace: a namespace without processes is no more, unless something was left in ours.
func (s *session) checkGone(t *testing.T) {
	t.Helper()
	var left []int
	harness.Eventually(t, "no process of the session left", func() bool {
		left = harness.ProcessesWith(s.mark)
		return len(left) == 0
	}, func() string { return harness.CommandLines(left) })
	for _, pid := range left {
		unix.Kill(pid, unix.SIGKILL)
	}
	ours, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(string(ours)) {
		if strings.Contains(line, " /tmp ") && strings.Contains(line, " fuse.vanishfs ") {
			t.Errorf("a mount of a session is seen outside: %s", line)
		}
	}
}

// runCode runs the session to its end and returns the exit code.
func (s *session) runCode(t *testing.T) int {
	t.Helper()
	if err := s.Run(); s.ProcessState == nil {
		t.Fatalf("vanishfs run: %v", err)
	}
	return s.ProcessState.ExitCode()
}

// runOutput runs the session, which has to succeed, and returns what it printed.
func (s *session) runOutput(t *testing.T) string {
	t.Helper()
	if code := s.runCode(t); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, s.out.String(), s.errs.String())
	}
	return strings.TrimSpace(s.out.String())
}

// onRunners runs f as each user who can run sessions.
func onRunners(t *testing.T, f func(t *testing.T, u harness.User)) {
	for name, u := range harness.Runners(t) {
		t.Run(name, func(t *testing.T) { f(t, u) })
	}
}

// startReady starts the session with its output in a file of the outer
// filesystem and waits for it to have written the word "ready" there.
func (s *session) startReady(t *testing.T, u harness.User) (text func() string) {
	t.Helper()
	path := harness.Mkdir(t, u) + "/out"
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s.Stdout, s.Stderr = f, f
	text = func() string { b, _ := os.ReadFile(path); return string(b) }
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the command is ready", func() bool { return strings.Contains(text(), "ready") }, text)
	return text
}
