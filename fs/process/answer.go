package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// askTime bounds how long an answer may take; it takes milliseconds.
	askTime = 10 * time.Second
	// mostAnswer is how long the JSON of an answer may be, bytes.
	mostAnswer = 64 << 10
	// mostFDs come with one answer.
	mostFDs = 32
)

// An answer is one message. The descriptors that belong to it travel beside.
type answer struct {
	Value json.RawMessage
	Error string // empty for none
	Errno syscall.Errno
}

// A Failure is what went wrong in another process.
type Failure struct {
	text  string
	errno syscall.Errno
}

func (e *Failure) Error() string { return e.text }

// Unwrap is the error number, if there was one.
func (e *Failure) Unwrap() error {
	if e.errno == 0 {
		return nil
	}
	return e.errno
}

// NewSocket makes the two ends of a connection for messages, close-on-exec.
func NewSocket() (ours, theirs int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, fmt.Errorf("socketpair: %w", err)
	}
	return fds[0], fds[1], nil
}

// Answer says v, what failed, if anything, and hands fds over.
func Answer(socket int, v any, failed error, fds ...int) error {
	var a answer
	var err error
	if a.Value, err = json.Marshal(v); err != nil {
		return err
	}
	if failed != nil {
		a.Error = failed.Error()
		errors.As(failed, &a.Errno)
	}
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return Send(socket, text, fds...)
}

// ReadAnswer waits for an Answer: v is set even if there is a *Failure. io.EOF is that the other one has ended without a word.
func ReadAnswer(socket int, v any) (fds []int, err error) {
	text := make([]byte, mostAnswer)
	n, fds, err := Receive(socket, text, mostFDs, 0)
	if err != nil {
		return nil, err
	}
	var a answer
	if err = json.Unmarshal(text[:n], &a); err == nil {
		err = json.Unmarshal(a.Value, v)
	}
	if err == nil && a.Error != "" {
		err = &Failure{a.Error, a.Errno}
	}
	return fds, err
}

// Ask starts a process of role r that has caps in namespaces of its own, see InUserNamespace, reads question as
// its letter, gives its Answer to the first of its FDs and ends.
func (r Role) Ask(question, v any, caps ...uintptr) (fds []int, err error) {
	ours, theirs, err := NewSocket()
	if err != nil {
		return nil, err
	}
	defer unix.Close(ours)
	s := Start{Letter: question, FDs: []int{theirs}}
	InUserNamespace(&s.Attr, caps...)
	pid, err := r.Start(s)
	unix.Close(theirs)
	if err != nil {
		return nil, err
	}
	patience := unix.NsecToTimeval(int64(askTime))
	if err = unix.SetsockoptTimeval(ours, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err == nil {
		fds, err = ReadAnswer(ours, v)
	}
	if err != io.EOF {
		_ = unix.Kill(pid, unix.SIGKILL) // it has said everything, or is too late
	}
	status := wait(pid)
	switch err {
	case io.EOF:
		return nil, fmt.Errorf("%s said nothing (%s); does main call process.Become?", r.name, status)
	case unix.EAGAIN:
		return nil, fmt.Errorf("%s said nothing for %v", r.name, askTime)
	}
	return fds, err
}

// wait collects a child and says how it has ended.
func wait(pid int) string {
	var status unix.WaitStatus
	for {
		switch _, err := unix.Wait4(pid, &status, 0, nil); {
		case err == unix.EINTR:
		case err != nil:
			return err.Error()
		case status.Signaled():
			return "signal: " + status.Signal().String()
		default:
			return fmt.Sprint("exit status ", status.ExitStatus())
		}
	}
}
