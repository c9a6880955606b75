package session

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const envNamespace = "VANISHFS_TEST_NAMESPACE"

// inNamespace runs the test in a pid namespace of its own, where numbers of
// processes are given as the test wants them. It returns false outside.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(envNamespace) != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			t.Fatal(err)
		}
		spareThreads()
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root for a pid namespace")
	}
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), envNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// spareThreads has the runtime make threads ahead, which it keeps: one that it makes while a number is about to be
// used again would take that for good.
func spareThreads() {
	const spare = 16
	var blocked, done sync.WaitGroup
	over := make(chan bool)
	blocked.Add(spare)
	for range spare {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			blocked.Done()
			<-over
		})
	}
	blocked.Wait()
	close(over)
	done.Wait()
}

// spawnAs makes a process that has the number pid. Threads of this program may get it first.
func spawnAs(t *testing.T, pid uint32, attr *syscall.SysProcAttr) *child {
	t.Helper()
	var c *child
	eventually(t, "a process with number "+strconv.Itoa(int(pid)), func() bool {
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(int(pid)-1)), 0); err != nil {
			t.Fatal(err)
		}
		if c = sleeper(t, attr); c.pid != pid {
			c.end()
		}
		return c.pid == pid
	})
	return c
}

// A number that is used again is another session, also before the watcher has seen the end of the first: here it
// starts only then.
func TestReusedProcess(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	for _, kind := range []string{"process", "sid"} {
		t.Run(kind, func(t *testing.T) {
			m, e := newManager(t, Options{Kind: kind}), make(ender, 10)
			first := sleeper(t, newSession)
			old := m.scopeOf(first.pid, 0)
			first.end()
			second := spawnAs(t, first.pid, newSession)
			scope := m.scopeOf(second.pid, 0)
			if scope == nil || scope == old || scope.Name != old.Name {
				t.Fatalf("scope %v after %v", scope, old)
			}
			m.Start(e)
			e.expect(t, old)
			if m.scopeOf(second.pid, 0) != scope {
				t.Error("the end of the first process took the second one's scope")
			}
			e.expectNone(t)
			second.end()
			e.expect(t, scope)
		})
	}
}

// The number of a session is free again after a leaderless one, whose last member the watcher has not seen the end of.
func TestReusedSessionWithoutLeader(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	m, e := newManager(t, Options{Kind: "sid"}), make(ender, 10)
	shell, line := talker(t, "sleep 1000 >&- 2>&- & echo $!")
	shell.cmd.Wait()
	member := number(t, line)
	old := m.scopeOf(uint32(member), 0)
	if old == nil {
		t.Fatal("no scope")
	}
	syscall.Kill(member, syscall.SIGKILL)
	eventually(t, "the orphan is waited for", func() bool { // we are its init
		unix.Wait4(-1, nil, unix.WNOHANG, nil)
		return unix.Kill(member, 0) == unix.ESRCH
	})
	leader := spawnAs(t, shell.pid, newSession)
	m.Start(e)
	e.expect(t, old)
	e.expectNone(t)
	if scope := m.scopeOf(leader.pid, 0); scope == nil || scope == old {
		t.Errorf("scope %v after %v", scope, old)
	}
}

// lockedThread is a thread of this process that ends with end.
func lockedThread() (tid int, end func()) {
	tids, over := make(chan int), make(chan bool)
	go func() {
		runtime.LockOSThread()
		tids <- unix.Gettid()
		<-over
	}()
	return <-tids, func() { close(over) }
}

// A thread's number becomes that of a process.
func TestReusedThread(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	m, _ := startManager(t, Options{Kind: "process"})
	scope := m.scopeOf(uint32(os.Getpid()), 0)
	tid, end := lockedThread()
	if tid == os.Getpid() { // the first thread never ends; a second goroutine cannot have it, too
		tid, end = lockedThread()
	}
	for range 2 {
		if got := m.scopeOf(uint32(tid), 0); got == nil || got != scope {
			t.Fatalf("the thread's scope is %v, its process's %v", got, scope)
		}
	}
	end()
	eventually(t, "the thread has ended", func() bool { return !inProcess(tid, os.Getpid()) })
	if pid, ok := m.kind.(*processes).threads.process(tid); !ok || pid != os.Getpid() {
		t.Fatalf("the thread is not remembered: %d, %v", pid, ok)
	}
	other := spawnAs(t, uint32(tid), nil)
	if got := m.scopeOf(other.pid, 0); got == nil || got == scope {
		t.Errorf("scope %v", got)
	}
}
