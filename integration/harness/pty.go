package harness

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A Terminal is a command on a pseudo-terminal of its own, which it controls.
type Terminal struct {
	Cmd    *exec.Cmd
	master *os.File
	done   chan struct{} // closed when the other side is gone

	mu   sync.Mutex
	seen []byte // guarded by mu; what the command printed since the last Expect
}

// StartTerminal starts cmd, which must not be started, on a new terminal.
func StartTerminal(t testing.TB, cmd *exec.Cmd) *Terminal {
	t.Helper()
	master, name, err := openTerminal()
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = true, true
	if c := cmd.SysProcAttr.Credential; c != nil {
		if err := slave.Chown(int(c.Uid), -1); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	term := &Terminal{Cmd: cmd, master: master, done: make(chan struct{})}
	go term.read()
	t.Cleanup(func() {
		master.Close()
		<-term.done
	})
	return term
}

func openTerminal() (master *os.File, slave string, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, "", err
	}
	raw, err := master.SyscallConn()
	if err != nil {
		return nil, "", err
	}
	var n int
	var unlockErr, nameErr error
	if err := raw.Control(func(fd uintptr) {
		unlockErr = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		n, nameErr = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	}); err != nil || unlockErr != nil || nameErr != nil {
		return nil, "", fmt.Errorf("new terminal: %v, %v, %v", err, unlockErr, nameErr)
	}
	return master, fmt.Sprintf("/dev/pts/%d", n), nil
}

func (t *Terminal) read() {
	defer close(t.done)
	buf := make([]byte, 4096)
	for {
		n, err := t.master.Read(buf)
		t.mu.Lock()
		t.seen = append(t.seen, buf[:n]...)
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Type sends keys; \x03 is Ctrl-C, \x1a Ctrl-Z.
func (t *Terminal) Type(tb testing.TB, keys string) {
	tb.Helper()
	if _, err := t.master.WriteString(keys); err != nil {
		tb.Errorf("type %q: %v", keys, err)
	}
}

// Expect waits for the command to print text and forgets all up to its end. If
// the text does not come, the command is killed by the end of its terminal and the test ends.
func (t *Terminal) Expect(tb testing.TB, text string) {
	tb.Helper()
	found := Within(Patience, func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		i := strings.Index(string(t.seen), text)
		if i >= 0 {
			t.seen = t.seen[i+len(text):]
		}
		return i >= 0
	})
	if !found {
		t.mu.Lock()
		defer t.mu.Unlock()
		tb.Fatalf("waited for the terminal to show %q, it shows %q", text, t.seen)
	}
}

// Wait waits for the command's end and returns its exit code.
func (t *Terminal) Wait(tb testing.TB) int {
	tb.Helper()
	ended := make(chan struct{})
	go func() {
		t.Cmd.Wait()
		close(ended)
	}()
	isEnded := func() bool {
		select {
		case <-ended:
			return true
		default:
			return false
		}
	}
	if !Within(Patience, isEnded) {
		tb.Errorf("the command has not ended; the terminal shows %q", t.seen)
		t.Cmd.Process.Kill()
		<-ended
	}
	return t.Cmd.ProcessState.ExitCode()
}

// HangUp closes the terminal under the command.
func (t *Terminal) HangUp() { t.master.Close() }
