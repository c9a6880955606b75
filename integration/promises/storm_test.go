package promises

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// onStormGrounds runs f for each transport, plane, store and kind of user that there is here.
func onStormGrounds(t *testing.T, f func(t *testing.T, start func(t *testing.T) *harness.Mount)) {
	ways := map[string][]string{
		"direct":   nil,
		"mediated": {"--passthrough=off"},
		"tiered":   {"--store=tiered", "--memory=2MiB"},
	}
	transports := []string{"dev"}
	if harness.Uring() {
		transports = append(transports, "uring")
	}
	for user, u := range harness.Runners(t) {
		for way, flags := range ways {
			if user == "user" && way == "direct" {
				continue // needs privileges
			}
			for _, via := range transports {
				t.Run(strings.Join([]string{user, way, via}, "/"), func(t *testing.T) {
					f(t, func(t *testing.T) *harness.Mount {
						m := harness.Start(t, u, append([]string{"--transport=" + via, "--size=512MiB"}, flags...)...)
						plane, _ := strings.CutPrefix(way, "tiered")
						if s := m.Status(t); s.Transport != via || plane != "" && s.Plane != plane {
							t.Fatalf("status says %s over %s", s.Plane, s.Transport)
						}
						m.Sh(t, `mkdir "$D/shared"; for f in flock record; do head -c 8 /dev/zero > "$D/shared/$f"; done`)
						return m
					})
				})
			}
		}
	}
}

// A stormed is one process that runs stormCaller.
type stormed struct {
	cmd  *exec.Cmd
	stop io.Closer
	out  *json.Decoder
	errs bytes.Buffer
	done chan struct{} // closed when it has ended
}

// startCaller returns when the caller is at work.
func startCaller(t *testing.T, m *harness.Mount, args ...string) *stormed {
	t.Helper()
	c := &stormed{cmd: m.User.As(harness.HelperCommand("storm", append([]string{m.Dir}, args...)...)), done: make(chan struct{})}
	c.cmd.Stderr = &c.errs
	in, err := c.cmd.StdinPipe()
	check(t, "pipe", err)
	out, err := c.cmd.StdoutPipe()
	check(t, "pipe", err)
	c.stop = in
	check(t, "start a caller", c.cmd.Start())
	t.Cleanup(func() { c.cmd.Process.Kill() })
	said := make(chan string, 2)
	go func() {
		defer close(c.done)
		ready := make([]byte, len("ready\n"))
		n, _ := io.ReadFull(out, ready)
		said <- string(ready[:n])
		rest, _ := io.ReadAll(out)
		said <- string(rest)
		c.cmd.Wait()
	}()
	select {
	case word := <-said:
		if word != "ready\n" {
			c.wait(t)
			t.Fatalf("a caller: %q, %s", word, c.errs.String())
		}
	case <-time.After(harness.Patience):
		t.Fatalf("a caller did nothing in %v: %s", harness.Patience, whereStuck(c.cmd.Process.Pid))
	}
	c.out = json.NewDecoder(readerOf(said))
	return c
}

// readerOf is what is still to be said.
func readerOf(said <-chan string) io.Reader {
	r, w := io.Pipe()
	go func() {
		io.WriteString(w, <-said)
		w.Close()
	}()
	return r
}

// wait sees that the caller ends.
func (c *stormed) wait(t *testing.T) {
	t.Helper()
	select {
	case <-c.done:
	case <-time.After(harness.Patience):
		t.Fatalf("caller %d hangs: %s", c.cmd.Process.Pid, whereStuck(c.cmd.Process.Pid))
	}
}

// finished ends the caller, or waits for its end if the mount's was to end it, and returns its count.
func (c *stormed) finished(t *testing.T) (n stormCount) {
	t.Helper()
	c.wait(t)
	if !c.cmd.ProcessState.Success() {
		t.Errorf("a caller: %v: %s", c.cmd.ProcessState, c.errs.String())
		return n
	}
	check(t, "read what a caller counted", c.out.Decode(&n))
	return n
}

func (c *stormed) kill(t *testing.T) {
	t.Helper()
	c.cmd.Process.Kill()
	c.wait(t)
}

// whereStuck describes the threads of a process that does not end.
func whereStuck(pid int) string {
	var b strings.Builder
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, task := range tasks {
		for _, file := range []string{"syscall", "stack"} {
			text, _ := os.ReadFile(filepath.Join(task, file))
			fmt.Fprintf(&b, "%s/%s: %s\n", task, file, bytes.TrimSpace(text))
		}
	}
	return b.String()
}

// threads of the daemon.
func threads(t *testing.T, m *harness.Mount) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", m.PID))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// stormFor is how long each storm goes on: a race-built program is slower, not less to be tested.
const stormFor = 400 * time.Millisecond

// TestStorm: callers that get a signal every few hundred microseconds, in everything they do, and then
// callers that are killed wherever they are. Every operation succeeds, or says that it was interrupted where it may; what is
// read is what was written; locks hold; in the end the daemon has what it had, and nothing is in use.
func TestStorm(t *testing.T) {
	harness.WatchKernel(t)
	onStormGrounds(t, func(t *testing.T, start func(*testing.T) *harness.Mount) {
		m := start(t)
		signalStorm(t, m)
		m.CheckEmpties(t)
		fds, tasks := descriptors(t, m), threads(t, m)
		m.Sh(t, `mkdir "$D/shared"; for f in flock record; do head -c 8 /dev/zero > "$D/shared/$f"; done`)
		killStorm(t, m)
		m.CheckEmpties(t)
		harness.Eventually(t, "descriptors of the daemon closed", func() bool { return descriptors(t, m) <= fds+288 },
			func() string { return fmt.Sprintf("%d, were %d", descriptors(t, m), fds) })
		// What is left of a request that nobody waits for would be a thread each.
		if now := threads(t, m); now > tasks+8 {
			t.Errorf("the daemon has %d threads, had %d before callers were killed", now, tasks)
		}
	})
}

func signalStorm(t *testing.T, m *harness.Mount) {
	t.Helper()
	callers := []*stormed{startCaller(t, m, "signals", "steady"), startCaller(t, m, "signals", "steady"), startCaller(t, m, "quiet", "steady")}
	<-time.After(stormFor)
	var all stormCount
	for _, c := range callers {
		c.stop.Close()
	}
	for i, c := range callers {
		n := c.finished(t)
		all.Rounds += n.Rounds
		all.Signals += n.Signals
		all.Interrupted += n.Interrupted
		all.Counted += n.Counted
		if (n.Signals > 0) != (i < 2) {
			t.Errorf("caller %d had %d signals", i, n.Signals)
		}
	}
	t.Logf("%d rounds, %d signals handled, %d operations interrupted", all.Rounds, all.Signals, all.Interrupted)
	for _, name := range []string{"flock", "record"} {
		var text string
		m.Do(t, func() {
			p, err := os.ReadFile(m.Dir + "/shared/" + name)
			check(t, "read", err)
			text = string(p)
		})
		if len(text) != 8 || int64(binary.LittleEndian.Uint64([]byte(text))) != all.Counted {
			t.Errorf("under the lock of %s: %x, want %d", name, text, all.Counted)
		}
	}
}

func killStorm(t *testing.T, m *harness.Mount) {
	t.Helper()
	var callers [3]*stormed
	for i := range callers {
		callers[i] = startCaller(t, m, "quiet", "steady")
	}
	kills := 0
	for stop := time.Now().Add(stormFor); time.Now().Before(stop) || kills < 6; kills++ {
		c := &callers[kills%len(callers)]
		(*c).kill(t)
		*c = startCaller(t, m, "quiet", "steady")
	}
	t.Logf("%d kills", kills)
	for _, c := range callers {
		c.kill(t)
	}
}

// A stormEnd is a way that a mount in full use goes.
type stormEnd struct {
	name string
	end  func(t *testing.T, m *harness.Mount, callers []*stormed)
}

var stormEnds = []stormEnd{
	{"umount", umountUntilFree},
	{"lazy", func(t *testing.T, m *harness.Mount, _ []*stormed) {
		if out, err := harness.Vanishfs(m.User, "umount", "--lazy", m.Dir).CombinedOutput(); err != nil {
			t.Errorf("umount --lazy: %v: %s", err, out)
		}
	}},
	{"force", func(t *testing.T, m *harness.Mount, _ []*stormed) {
		if err := unix.Unmount(m.Dir, unix.MNT_FORCE); err != nil && err != unix.EBUSY {
			t.Errorf("umount -f: %v", err)
		}
	}},
	{"TERM", func(t *testing.T, m *harness.Mount, _ []*stormed) { check(t, "kill", unix.Kill(m.PID, unix.SIGTERM)) }},
	{"KILL", func(t *testing.T, m *harness.Mount, _ []*stormed) { check(t, "kill", unix.Kill(m.PID, unix.SIGKILL)) }},
}

// umountUntilFree is refused as long as callers have something open, and that must leave them alone.
func umountUntilFree(t *testing.T, m *harness.Mount, callers []*stormed) {
	for try := 0; ; try++ {
		out, err := harness.Vanishfs(m.User, "umount", m.Dir).CombinedOutput()
		if err == nil {
			return
		}
		if !strings.Contains(string(out), "busy") || try > 100 {
			t.Errorf("umount under load: %v: %s", err, out)
			return
		}
		if try == 4 {
			for _, c := range callers {
				c.stop.Close()
			}
		}
	}
}

// TestStormEnds: the mount, or its daemon, goes in the middle of it all. The callers get an error and end; nothing hangs, and
// nothing is left.
func TestStormEnds(t *testing.T) {
	harness.WatchKernel(t)
	onStormGrounds(t, func(t *testing.T, start func(*testing.T) *harness.Mount) {
		for _, e := range stormEnds {
			if e.name == "force" && !harness.Root() {
				continue // CAP_SYS_ADMIN
			}
			t.Run(e.name, func(t *testing.T) {
				m := start(t)
				m.Ended()
				t.Cleanup(func() {
					if t.Failed() {
						harness.Vanishfs(m.User, "umount", "--lazy", m.Dir).Run()
					}
				})
				callers := []*stormed{startCaller(t, m, "quiet", "ending"), startCaller(t, m, "signals", "ending")}
				e.end(t, m, callers)
				for _, c := range callers {
					n := c.finished(t)
					if n.Ended == "" && e.name != "umount" {
						t.Error("a caller did not notice")
					}
					t.Logf("a caller: %s", n.Ended)
				}
				harness.Eventually(t, fmt.Sprintf("daemon %d ended", m.PID), func() bool { return !harness.Alive(m.PID) }, func() string { return whereStuck(m.PID) })
				if len(harness.Mounted(m.Dir)) > 0 { // dead, and was in use
					m.Unmount(t)
				}
				m.CheckGone(t)
			})
		}
	})
}
