package session

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"vanishfs/fs"
)

func TestSID(t *testing.T) {
	m, e := startManager(t, Options{Kind: "sid"})
	a, b := sleeper(t, newSession), sleeper(t, newSession)
	scopeA, scopeB := m.scopeOf(a.pid, 0), m.scopeOf(b.pid, 0)
	if scopeA == nil || scopeB == nil || scopeA == scopeB {
		t.Fatalf("two sessions got scopes %p and %p", scopeA, scopeB)
	}
	if want := fmt.Sprintf("sid:%d", a.pid); scopeA.Name != want {
		t.Errorf("name %s, want %s", scopeA.Name, want)
	}
	a.end()
	e.expect(t, scopeA)
	if m.scopeOf(b.pid, 0) != scopeB {
		t.Error("the other session's scope changed")
	}
}

// The leader ends first; the session goes on with each of the others.
func TestSIDGoesOn(t *testing.T) {
	m, e := startManager(t, Options{Kind: "sid"})
	shell, line := talker(t, "sleep 1000 >&- 2>&- & first=$!; sleep 1000 >&- 2>&- & echo $first $!; wait")
	var pids [2]int
	if _, err := fmt.Sscan(line, &pids[0], &pids[1]); err != nil {
		t.Fatal(err)
	}
	scope := m.scopeOf(shell.pid, 0)
	for i, pid := range pids {
		if m.scopeOf(uint32(pid), 0) != scope {
			t.Errorf("member %d got another scope", i)
		}
	}
	shell.end()
	m.waitFor(t, scope, pids[0])
	e.expectNone(t)
	if m.scopeOf(uint32(pids[1]), 0) != scope {
		t.Error("the scope changed when the leader ended")
	}
	syscall.Kill(pids[0], syscall.SIGKILL)
	m.waitFor(t, scope, pids[1])
	e.expectNone(t)
	syscall.Kill(pids[1], syscall.SIGKILL)
	e.expect(t, scope)
}

// waitFor waits until the watcher watches that member of the scope's session.
func (m *Manager) waitFor(t *testing.T, scope *fs.Scope, pid int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s is watched by process %d", scope.Name, pid), func() bool {
		m.mu.RLock()
		defer m.mu.RUnlock()
		for _, s := range m.sessions {
			if l, ok := s.life.(*sidLife); ok && s.scopes.of(0) == scope && l.pid == pid {
				return true
			}
		}
		return false
	})
}

// The leader had ended before anybody created a file.
func TestSIDWithoutLeader(t *testing.T) {
	m, e := startManager(t, Options{Kind: "sid"})
	shell, line := talker(t, "sleep 1000 >&- 2>&- & echo $!")
	shell.cmd.Wait()
	member := number(t, line)
	scope := m.scopeOf(uint32(member), 0)
	if want := fmt.Sprintf("sid:%d", shell.pid); scope == nil || scope.Name != want {
		t.Fatalf("scope %v, want %s", scope, want)
	}
	syscall.Kill(member, syscall.SIGKILL)
	e.expect(t, scope)
}

// A session of processes that fork and end all the time is not over in between.
func TestSIDOfHoppers(t *testing.T) {
	m, e := startManager(t, Options{Kind: "sid"})
	dir := t.TempDir()
	hop := filepath.Join(dir, "hop")
	script := `if [ $1 -gt 0 ]; then sh "$0" $(($1 - 1)) & exit; fi; : > "$0.done"; exec sleep 1000`
	if err := os.WriteFile(hop, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	shell, _ := talker(t, "echo ready; read _; exec sh "+hop+" 500 >&- 2>&-")
	scope := m.scopeOf(shell.pid, 0)
	if _, err := shell.in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the last hop", func() bool { _, err := os.Stat(hop + ".done"); return err == nil })
	e.expectNone(t)
	syscall.Kill(-int(shell.pid), syscall.SIGKILL)
	e.expect(t, scope)
}
