package run

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"vanishfs/lifecycle/process"
)

// What the processes that are this program again are called, in argv[0] and by
// the kernel. Init does not have the program's name: who kills everything of
// that name (pkill -9 -f vanishfs) wants the session to end, and init is who
// ends it.
const (
	daemonName = "vanishfs-daemon"
	initName   = "session-init"
)

// A start is what a new process gets.
type start struct {
	name  string
	plan  int     // descriptor of the plan
	lines [2]line // to the front, to the other one
	flags uintptr // namespaces to make
	caps  []uintptr
}

// run executes this program under that name, in a process group of its own, with the
// plan and the lines.
//
// CMD gets every descriptor that the front was started with, at its number (make's job
// server, a shell's <(...)): they pass each exec by themselves, and each of our
// processes lets go of its copies once the next one has them, as a pipe must end when
// CMD closes it.
func (s *start) run(p *plan) (pid int, err error) {
	fds := []int{s.plan, int(s.lines[0]), int(s.lines[1])}
	argv := []string{s.name}
	for _, fd := range fds {
		argv = append(argv, strconv.Itoa(fd))
	}
	if err := process.PassOn(fds...); err != nil {
		return 0, err
	}
	defer process.KeepBack(fds...)
	attr := &syscall.SysProcAttr{Setpgid: p.Group != 0, Cloneflags: s.flags}
	if p.UserNS {
		process.InUserNamespace(attr, s.caps...)
	}
	pid, err = syscall.ForkExec(process.Self, argv, &syscall.ProcAttr{
		Files: []uintptr{0, 1, 2}, Env: syscall.Environ(), Sys: attr,
	})
	if err != nil && p.UserNS {
		return 0, explainNamespace(err)
	}
	return pid, os.NewSyscallError("start a process of the session", err)
}

// ChildMain becomes one of the session's other processes and ends with it, if
// this process was started for that; else it returns at once. It comes first
// thing in main.
func ChildMain() {
	if len(os.Args) != 4 {
		return
	}
	switch os.Args[0] {
	case daemonName:
		os.Exit(runStage(daemonMain, os.Args[1:]))
	case initName:
		os.Exit(runStage(initMain, os.Args[1:]))
	}
}

func runStage(main func(*plan, [2]line) error, args []string) (exitCode int) {
	var fds [3]int
	for i, arg := range args {
		fd, err := strconv.Atoi(arg)
		if err != nil {
			return ExitFailed
		}
		fds[i] = fd
	}
	process.KeepBack(fds[:]...)
	process.SetName(os.Args[0])
	front, p := line(fds[1]), new(plan)
	err := process.ReadLetter(fds[0], p)
	if err == nil {
		err = main(p, [2]line{line(fds[1]), line(fds[2])})
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSilent):
		return ExitFailed
	}
	var failed *failure
	if !errors.As(err, &failed) {
		failed = &failure{ExitFailed, err}
	}
	front.send(message{kind: msgFailed, number: failed.code, text: failed.Error()})
	return failed.code
}

// A failure is an error with the exit code that goes with it.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// explainNamespace says what to do when an ordinary user gets no user namespace.
func explainNamespace(err error) error {
	var hint string
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		hint = "raise sysctl user.max_user_namespaces"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		hint = "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0), or run as root"
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		hint = "the kernel has none (CONFIG_USER_NS)"
	default:
		hint = "see user_namespaces(7)"
	}
	return fmt.Errorf("make a user namespace: %w; %s", err, hint)
}
