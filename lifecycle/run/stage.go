package run

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
	"vanishfs/lifecycle"
)

// What the processes that are this program again are called, in argv[0] and by
// the kernel. Init does not have the program's name: who kills everything of
// that name (pkill -9 -f vanishfs) wants the session to end, and init is who
// ends it.
const (
	daemonName = "vanishfs-daemon"
	initName   = "session-init"
)

// daemonCaps are what the daemon needs in its user namespace: to mount. initCaps are what init needs: that, and to start CMD
// with no more than the caller had.
var (
	daemonStage = stage{role: process.NewRole(daemonName, stageMain(daemonMain)), caps: []uintptr{unix.CAP_SYS_ADMIN}}
	initStage   = stage{
		role: process.NewRole(initName, stageMain(initMain)), flags: unix.CLONE_NEWNS, caps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP},
	}
)

// A stage is one of the session's processes.
type stage struct {
	role  process.Role
	flags uintptr // namespaces to make
	caps  []uintptr
}

// start starts it, in a process group of its own, with the plan and lines to the front and to the other one.
//
// CMD gets every descriptor that the front was started with, at its number (make's job
// server, a shell's <(...)): they pass each exec by themselves, and each of our
// processes lets go of its copies once the next one has them, as a pipe must end when
// CMD closes it.
func (s *stage) start(p *plan, toFront, toOther line) (pid int, err error) {
	how := process.Start{Letter: p, FDs: []int{int(toFront), int(toOther)}}
	how.Attr.Setpgid, how.Attr.Cloneflags = p.Group != 0, s.flags
	if p.UserNS {
		process.InUserNamespace(&how.Attr, s.caps...)
	}
	pid, err = s.role.Start(how)
	if err != nil && p.UserNS {
		return 0, explainNamespace(err)
	}
	return pid, os.NewSyscallError("start a process of the session", err)
}

// stageMain is main of one of them.
func stageMain(main func(*plan, [2]line) error) func(*process.Child) int {
	return func(c *process.Child) (exitCode int) {
		front, p := line(c.FDs[0]), new(plan)
		err := c.Read(p)
		if err == nil {
			err = main(p, [2]line{front, line(c.FDs[1])})
		}
		switch {
		case err == nil:
			return 0
		case errors.Is(err, errSilent):
			return ExitFailed
		}
		var failed *failure
		if !errors.As(err, &failed) {
			failed = &failure{ExitFailed, lifecycle.Classify(err)}
		}
		front.send(message{kind: msgFailed, number: failed.code, text: failed.Error()})
		return failed.code
	}
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
	case errors.Is(err, unix.EMFILE): // has nothing to do with it
		return err
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
