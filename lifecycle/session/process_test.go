package session

import (
	"fmt"
	"os"
	"strconv"
	"testing"
)

func TestProcess(t *testing.T) {
	m, e := startManager(t, Options{Kind: "process"})
	a, b := sleeper(t, nil), sleeper(t, nil)
	scopeA, scopeB := m.scopeOf(a.pid, 0), m.scopeOf(b.pid, 0)
	if scopeA == nil || scopeB == nil || scopeA == scopeB {
		t.Fatalf("two processes got scopes %p and %p", scopeA, scopeB)
	}
	if want := fmt.Sprintf("process:%d", a.pid); scopeA.Name != want {
		t.Errorf("name %s, want %s", scopeA.Name, want)
	}
	if again := m.scopeOf(a.pid, 1000); again != scopeA {
		t.Error("without limits of users, another user got another scope")
	}
	a.end()
	e.expect(t, scopeA)
	if m.scopeOf(b.pid, 0) != scopeB {
		t.Error("the other process's scope changed")
	}
	b.end()
	e.expect(t, scopeB)
	e.expectNone(t)
}

// A process that nobody has waited for has ended.
func TestZombie(t *testing.T) {
	m, e := startManager(t, Options{Kind: "process"})
	c := sleeper(t, nil)
	scope := m.scopeOf(c.pid, 0)
	c.cmd.Process.Kill()
	e.expect(t, scope)
	if s := m.scopeOf(c.pid, 0); s != nil {
		t.Errorf("a zombie got scope %s", s.Name)
	}
}

func TestThreads(t *testing.T) {
	m, _ := startManager(t, Options{Kind: "process"})
	want := m.scopeOf(uint32(os.Getpid()), 0)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil || want == nil || len(tasks) < 2 {
		t.Fatal(err, want, len(tasks))
	}
	for range 2 { // found out, and remembered
		for _, task := range tasks {
			tid, _ := strconv.Atoi(task.Name())
			if got := m.scopeOf(uint32(tid), 0); got != want && inProcess(tid, os.Getpid()) {
				t.Errorf("thread %d got another scope than its process", tid)
			}
		}
	}
}

// What is remembered of a thread is not believed when it is of another process now.
func TestThreadOfAnotherProcess(t *testing.T) {
	m, _ := startManager(t, Options{Kind: "process"})
	a, b := sleeper(t, nil), sleeper(t, nil)
	scopeA, scopeB := m.scopeOf(a.pid, 0), m.scopeOf(b.pid, 0)
	m.kind.(*processes).threads.learn(int(b.pid), int(a.pid))
	if m.scopeOf(b.pid, 0) != scopeB || m.scopeOf(a.pid, 0) != scopeA {
		t.Error("a thread that changed its process got the old one's scope")
	}
}

func TestThreadsAreForgotten(t *testing.T) {
	threads := newThreads()
	for tid := range 10 * mostThreads {
		threads.learn(tid, 1)
	}
	threads.learn(7, 2) // 7 is of another process now
	if n := len(threads.processes); n > mostThreads+1 {
		t.Errorf("%d threads are remembered", n)
	}
	threads.forget(1)
	if pid, ok := threads.process(7); len(threads.processes) != 1 || !ok || pid != 2 {
		t.Errorf("left: %v", threads.processes)
	}
}
