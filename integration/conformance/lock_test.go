package conformance

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var lockCases = map[string]harness.Case{
	"FlockModes":       flockModes,
	"FlockBlocks":      flockBlocks,
	"FlockInherited":   flockInherited,
	"RecordLocks":      recordLocks,
	"RecordLockBlocks": recordLockBlocks,
	"OFDLocks":         ofdLocks,
}

func flockModes(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "")
	a, b := open(t, f, unix.O_RDONLY, 0), open(t, f, unix.O_RDWR, 0)
	ok(t, "shared", unix.Flock(a, unix.LOCK_SH))
	ok(t, "shared by another", unix.Flock(b, unix.LOCK_SH|unix.LOCK_NB))
	wantErrno(t, "upgrade beside another", unix.Flock(b, unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
	ok(t, "unlock", unix.Flock(a, unix.LOCK_UN))
	ok(t, "exclusive", unix.Flock(b, unix.LOCK_EX|unix.LOCK_NB))
	wantErrno(t, "shared beside exclusive", unix.Flock(a, unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
	// The lock is of the open file, not of the descriptor.
	dup, err := unix.Dup(b)
	ok(t, "dup", err)
	ok(t, "close", unix.Close(dup))
	wantErrno(t, "after closing a duplicate", unix.Flock(a, unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o755))
	ok(t, "directory", unix.Flock(open(t, tree.Dir+"/d", unix.O_DIRECTORY, 0), unix.LOCK_EX|unix.LOCK_NB))
}

func init() {
	// Takes the lock args[0] of file args[1], says so, and holds it until its input ends.
	harness.Helper("hold-lock", func(args []string) int {
		fd, err := unix.Open(args[1], unix.O_RDWR, 0)
		if err != nil {
			return 1
		}
		if args[0] == "flock" {
			err = unix.Flock(fd, unix.LOCK_EX)
		} else {
			err = unix.FcntlFlock(uintptr(fd), unix.F_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK, Start: 10, Len: 10})
		}
		if err != nil {
			return 2
		}
		fmt.Println("locked")
		io.Copy(io.Discard, os.Stdin)
		return 0
	})
}

// holder is another process that holds a lock until release is called.
func holder(t *testing.T, kind, path string) (cmd *exec.Cmd, locked <-chan struct{}, release func()) {
	t.Helper()
	cmd = harness.HelperCommand("hold-lock", kind, path)
	in, err := cmd.StdinPipe()
	ok(t, "pipe", err)
	out, err := cmd.StdoutPipe()
	ok(t, "pipe", err)
	ok(t, "start", cmd.Start())
	said := make(chan struct{})
	go func() {
		if bufio.NewScanner(out).Scan() {
			close(said)
		}
	}()
	return cmd, said, func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("lock holder: %v", err)
		}
	}
}

func flockBlocks(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "")
	fd := open(t, f, unix.O_RDWR, 0)
	ok(t, "lock", unix.Flock(fd, unix.LOCK_EX))
	cmd, locked, release := holder(t, "flock", f)
	waitBlocked(t, cmd.Process.Pid)
	select {
	case <-locked:
		t.Error("two processes hold an exclusive lock")
	default:
	}
	ok(t, "unlock", unix.Flock(fd, unix.LOCK_UN))
	<-locked
	wantErrno(t, "now it is the other's", unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
	release()
	ok(t, "its end releases", unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB))
}

// waitBlocked waits until the process waits for a file lock, which /proc/locks shows with an arrow.
func waitBlocked(t *testing.T, pid int) {
	t.Helper()
	var text []byte
	harness.Eventually(t, "process waits for the lock", func() bool {
		text, _ = os.ReadFile("/proc/locks")
		s := bufio.NewScanner(bytes.NewReader(text))
		for s.Scan() {
			var n, arrow, kind, adv, mode string
			var who int
			if k, _ := fmt.Sscan(s.Text(), &n, &arrow, &kind, &adv, &mode, &who); k == 6 && arrow == "->" && who == pid {
				return true
			}
		}
		return false
	}, func() string { return string(text) })
}

func flockInherited(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "")
	file, err := os.OpenFile(f, os.O_RDWR, 0)
	ok(t, "open", err)
	ok(t, "lock", unix.Flock(int(file.Fd()), unix.LOCK_EX))
	cat := exec.Command("cat")
	cat.ExtraFiles = []*os.File{file}
	in, err := cat.StdinPipe()
	ok(t, "pipe", err)
	ok(t, "start", cat.Start())
	file.Close()
	other := open(t, f, unix.O_RDWR, 0)
	wantErrno(t, "the child still has it", unix.Flock(other, unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
	in.Close()
	ok(t, "cat", cat.Wait())
	ok(t, "its end releases", unix.Flock(other, unix.LOCK_EX|unix.LOCK_NB))
}

func recordLocks(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "")
	cmd, locked, release := holder(t, "record", f)
	<-locked
	fd := open(t, f, unix.O_RDWR, 0)
	lock := func(start, length int64) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: start, Len: length})
	}
	ok(t, "before it", lock(0, 10))
	ok(t, "behind it", lock(20, 0))
	wantErrno(t, "over its last byte", lock(19, 1), unix.EAGAIN, unix.EACCES)
	get := unix.Flock_t{Type: unix.F_RDLCK, Start: 0, Len: 0}
	ok(t, "F_GETLK", unix.FcntlFlock(uintptr(fd), unix.F_GETLK, &get))
	if get.Type != unix.F_WRLCK || get.Start != 10 || get.Len != 10 || int(get.Pid) != cmd.Process.Pid {
		t.Errorf("F_GETLK says %+v, the holder is %d", get, cmd.Process.Pid)
	}
	release()
	ok(t, "its end releases", lock(10, 10))
}

func recordLockBlocks(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "")
	fd := open(t, f, unix.O_RDWR, 0)
	ok(t, "lock", unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
	cmd, locked, release := holder(t, "record", f)
	waitBlocked(t, cmd.Process.Pid)
	// Closing any descriptor of the file drops a process's record locks.
	unix.Close(open2(t, f, unix.O_RDONLY))
	<-locked
	release()
}

func ofdLocks(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "")
	a, b := open(t, f, unix.O_RDWR, 0), open2(t, f, unix.O_RDWR)
	lock := func(fd int, kind int16) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind, Start: 5, Len: 5})
	}
	ok(t, "one handle", lock(b, unix.F_WRLCK))
	wantErrno(t, "another handle of this process", lock(a, unix.F_WRLCK), unix.EAGAIN)
	unix.Close(open2(t, f, unix.O_RDONLY))
	wantErrno(t, "after closing a third", lock(a, unix.F_RDLCK), unix.EAGAIN)
	unix.Close(b)
	ok(t, "its close releases", lock(a, unix.F_WRLCK))
}
