package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// childVariable makes the test binary the child of TestDropInherited.
const childVariable = "PROCESS_TEST_CHILD"

func TestMain(m *testing.M) {
	Become()
	if os.Getenv(childVariable) != "" {
		dropAndList()
		return
	}
	os.Exit(m.Run())
}

// dropAndList writes what is left open to standard error.
func dropAndList() {
	if err := DropInherited(2); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	for fd := range 10 {
		if target, err := os.Readlink(filepath.Join("/proc/self/fd", fmt.Sprint(fd))); err == nil && (fd < 2 || strings.HasPrefix(target, "pipe:")) {
			fmt.Fprintf(os.Stderr, "%d=%s ", fd, strings.SplitN(target, ":", 2)[0])
		}
	}
}

func TestDropInherited(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stdin, cmd.Stdout = r, w
	cmd.ExtraFiles = []*os.File{r, w}
	var said strings.Builder
	cmd.Stderr = &said // a pipe as well, and kept
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if got, want := said.String(), "0=/dev/null 1=/dev/null 2=pipe "; got != want {
		t.Errorf("left open are %q, want %q", got, want)
	}
}

func TestLetter(t *testing.T) {
	type letter struct {
		Text []byte
		N    int
	}
	for _, want := range []letter{{}, {[]byte("\xff\xfe not UTF-8"), 1}, {make([]byte, 3<<20), 2}} {
		fd, err := writeLetter(want)
		if err != nil {
			t.Fatal(err)
		}
		var got letter
		if err := readLetter(fd, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d bytes came back as %d: %v", len(want.Text), len(got.Text), err)
		}
		if err := readLetter(fd, &got); err == nil {
			t.Error("the descriptor of a letter that was read is still open")
		}
	}
}

// A told is what the tests' roles are told and what they answer.
type told struct {
	Text []byte
	N    int
}

const echoName, silentName = "process-test-echo", "process-test-silent"

var (
	echo = NewRole(echoName, func(c *Child) int {
		var v told
		err := c.Read(&v)
		if err == nil && v.N < 0 {
			err = fmt.Errorf("asked to fail: %w", unix.ENOTUNIQ)
		}
		v.N++
		flags, ferr := unix.FcntlInt(uintptr(c.FDs[0]), unix.F_GETFD, 0)
		if ferr != nil || flags&unix.FD_CLOEXEC == 0 || c.Name != echoName {
			err = fmt.Errorf("flags %#x of the socket (%v) of %s", flags, ferr, c.Name)
		}
		if Answer(c.FDs[0], v, err, c.FDs[0]) != nil {
			return 1
		}
		return 0
	})
	silent = NewRole(silentName, func(*Child) int { return 7 })
	// list tells which descriptors it has, beside those that it is handed.
	list = NewRole("process-test-list", func(c *Child) int {
		fds, err := Numbers("/proc/self/fd")
		if Answer(c.FDs[0], fds, err) != nil {
			return 1
		}
		return 0
	})
)

// TestAsk: question, answer, error number and descriptors travel, and nobody is left.
func TestAsk(t *testing.T) {
	for _, want := range []told{{}, {[]byte("\xff\xfe not UTF-8"), 1}, {make([]byte, 30<<10), 2}} {
		var got told
		fds, err := echo.Ask(want, &got)
		want.N++
		if err != nil || !reflect.DeepEqual(got, want) || len(fds) != 1 {
			t.Fatalf("%d bytes came back as %d, %d descriptors: %v", len(want.Text), len(got.Text), len(fds), err)
		}
		unix.Close(fds[0])
	}
	var got told
	fds, err := echo.Ask(told{N: -5}, &got)
	if !errors.Is(err, unix.ENOTUNIQ) || !strings.HasPrefix(err.Error(), "asked to fail") || got.N != -4 || len(fds) != 1 {
		t.Errorf("%v, %d, %d descriptors", err, got.N, len(fds))
	}
	unix.Close(fds[0])
	if _, err := silent.Ask(nil, &got); err == nil || !strings.Contains(err.Error(), "exit status 7") {
		t.Errorf("a process that says nothing: %v", err)
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("children are left: %d, %v", pid, err)
	}
}

// TestStartKeepsDescriptors: a new process has what this one was started with, and what it is handed, each at its number,
// and those stay close-on-exec here.
func TestStartKeepsDescriptors(t *testing.T) {
	ours, theirs, err := NewSocket()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ours)
	var made []int
	for range 6 {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		made = append(made, fd)
	}
	inherited, handed := made[1], made[4]
	if _, err := unix.FcntlInt(uintptr(inherited), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
	pid, err := list.Start(Start{FDs: []int{theirs, handed}, Args: []string{"shown"}})
	unix.Close(theirs)
	if err != nil {
		t.Fatal(err)
	}
	var fds []int
	if _, err := ReadAnswer(ours, &fds); err != nil {
		t.Fatal(err)
	}
	wait(pid)
	for i, fd := range made {
		if has := slices.Contains(fds, fd); has != (fd == inherited || fd == handed) {
			t.Errorf("descriptor %d of %v: the child has it: %v; it has %v", i, made, has, fds)
		}
	}
	if flags, err := unix.FcntlInt(uintptr(handed), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("what was handed over has flags %#x here, %v", flags, err)
	}
}
