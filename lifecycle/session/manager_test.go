package session

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vanishfs/fs"
	"vanishfs/quota"
)

// patience is for what happens at once unless the machine is very busy.
const patience = 30 * time.Second

// An ender takes the scopes that end.
type ender chan *fs.Scope

func (e ender) EndScope(s *fs.Scope) { e <- s }

func (e ender) expect(t *testing.T, want *fs.Scope) {
	t.Helper()
	select {
	case s := <-e:
		if s != want {
			t.Fatalf("scope %s ended, want %s", s.Name, want.Name)
		}
	case <-time.After(patience):
		t.Fatalf("scope %s has not ended", want.Name)
	}
}

func (e ender) expectNone(t *testing.T) {
	t.Helper()
	select {
	case s := <-e:
		t.Fatalf("scope %s ended", s.Name)
	default:
	}
}

// newManager is not started, so that nothing ends yet.
func newManager(t testing.TB, o Options) *Manager {
	t.Helper()
	before := descriptors(t)
	o.Domain = quota.New(nil, "mount", quota.Limits{})
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Close()
		m.Close()
		if after := descriptors(t); after != before {
			t.Errorf("%d descriptors, %d before", after, before)
		}
	})
	return m
}

// scopeOf is nil for who is refused, too.
func (m *Manager) scopeOf(pid, uid uint32) *fs.Scope {
	scope, err := m.ScopeOf(pid, uid)
	if err != nil {
		return nil
	}
	return scope
}

func startManager(t testing.TB, o Options) (*Manager, ender) {
	t.Helper()
	m, e := newManager(t, o), make(ender, 100)
	m.Start(e)
	return m, e
}

// descriptors counts those of this package: pidfds, files of cgroups, epoll and its eventfd.
func descriptors(t testing.TB) (n int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		to, _ := os.Readlink("/proc/self/fd/" + e.Name())
		for _, ours := range []string{"anon_inode:[pidfd]", "pidfd:", "cgroup.events", "anon_inode:[eventfd]", "anon_inode:[eventpoll]"} {
			if strings.Contains(to, ours) {
				n++
			}
		}
	}
	return n
}

// A child is a process that lives until end.
type child struct {
	cmd *exec.Cmd
	pid uint32
	in  io.WriteCloser // of a talker's standard input
}

func spawn(t testing.TB, attr *syscall.SysProcAttr, argv ...string) *child {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = attr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, pid: uint32(cmd.Process.Pid)}
	t.Cleanup(c.end)
	return c
}

func sleeper(t testing.TB, attr *syscall.SysProcAttr) *child {
	t.Helper()
	return spawn(t, attr, "sleep", "1000")
}

// end may be called again.
func (c *child) end() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

var newSession = &syscall.SysProcAttr{Setsid: true}

// talker runs a shell script in a session of its own and returns the first line it says. Everything in
// that session's process group is killed at the end of the test.
func talker(t testing.TB, script string) (c *child, line string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.SysProcAttr = newSession
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err = bufio.NewReader(pipe).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return &child{cmd, uint32(cmd.Process.Pid), in}, strings.TrimSpace(line)
}

// eventually waits for what comes true by itself.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !cond(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not so after %v: %s", patience, what)
		}
	}
}

func number(t testing.TB, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Whoever is outside of this pid namespace belongs to the mount, and nobody else who cannot be seen.
func TestMountsOwn(t *testing.T) {
	for _, kind := range []string{"mount", "process", "sid"} {
		m, _ := startManager(t, Options{Kind: kind})
		if s, err := m.ScopeOf(0, 0); s != nil || err != nil {
			t.Errorf("%s, process 0: scope %v, %v", kind, s, err)
		}
		want := error(syscall.EACCES)
		if kind == "mount" {
			want = nil
		}
		if s, err := m.ScopeOf(1<<30, 0); s != nil || err != want {
			t.Errorf("%s, no process: scope %v, %v", kind, s, err)
		}
	}
}

func TestUnknownKind(t *testing.T) {
	if _, err := New(Options{Kind: "thread"}); err == nil || err.Error() != "session thread: no such kind" {
		t.Errorf("%v", err)
	}
}

// Sessions begin and end while many ask, and after Close nothing is held.
func TestParallel(t *testing.T) {
	m, e := startManager(t, Options{Kind: "process", UserSize: 1 << 20, SessionSize: 1 << 20})
	const children = 20
	var wg sync.WaitGroup
	var started []*child
	for range children {
		c := sleeper(t, nil)
		for range 3 {
			wg.Go(func() {
				var first *fs.Scope
				for range 200 {
					s := m.scopeOf(c.pid, 1000)
					if first == nil {
						first = s
					}
					if s == nil || s != first {
						t.Errorf("scope changed from %p to %p", first, s)
						return
					}
				}
			})
		}
		started = append(started, c)
	}
	wg.Wait()
	e.expectNone(t)
	for _, c := range started {
		wg.Go(c.end)
	}
	wg.Wait()
	for range started {
		select {
		case <-e:
		case <-time.After(patience):
			t.Fatal("not every scope has ended")
		}
	}
	e.expectNone(t)
	if n := len(m.kind.(*processes).threads.processes); n != 0 {
		t.Errorf("%d threads are remembered", n)
	}
}

func BenchmarkScopeOf(b *testing.B) {
	for _, kind := range []string{"process", "sid", "cgroup"} {
		b.Run(kind, func(b *testing.B) {
			m, _ := startManager(b, Options{Kind: kind})
			pid := sleeper(b, nil).pid
			for b.Loop() {
				if m.scopeOf(pid, 0) == nil {
					b.Fatal("no scope")
				}
			}
		})
	}
}
