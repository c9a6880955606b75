package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
)

// daemonRole is the background process. Its directory is an argument: for people and Unmount to see, and because
// its bytes need not be UTF-8, as a letter's are.
var daemonRole = process.NewRole(daemonName, daemonMain)

const daemonName = "vanishfs-mount"

// ChildMain is process.Become: this program is also the daemon, the processes of a session, and the helpers of stores and
// of doctor. It comes first thing in main.
func ChildMain() { process.Become() }

// Daemonize mounts in a process of its own in the background and returns once the mount
// answers, or with the error that Serve had there. It needs ChildMain in main.
func Daemonize(o MountOptions) error {
	if err := o.Config.Validate(); err != nil {
		return err
	}
	process.LiftLimits() // the daemon's runtime starts under what it inherits
	if err := o.Config.CheckLimits(); err != nil {
		return err
	}
	if o.Dir != "" { // the daemon's directory is another
		abs, err := filepath.Abs(o.Dir)
		if err != nil {
			return &Error{ErrMountPoint, fmt.Errorf("mount point %s: %w", o.Dir, cause(err))}
		}
		o.Dir = abs
	}
	ours, theirs, err := process.NewSocket()
	if err != nil {
		return err
	}
	defer unix.Close(ours)
	var pid int
	err = leaveHome(func(h *home) (err error) {
		pid, err = startDaemon(order{o, h}, theirs)
		return err
	})
	unix.Close(theirs)
	if err != nil {
		return Classify(err)
	}
	go syscall.Wait4(pid, nil, 0, nil) // not waited for: it may hang in a mount that does not answer
	return readReport(ours)
}

// An order is what the background process is told in its letter.
type order struct {
	MountOptions
	Home *home // the namespace to mount in, nil for the one that it is in
}

// startDaemon starts it in the namespace of the calling thread.
func startDaemon(o order, report int) (pid int, err error) {
	s := process.Start{Letter: o, FDs: []int{report}, Args: []string{o.Dir}}
	if o.Home != nil {
		s.FDs = append(s.FDs, o.Home.Namespace, o.Home.Root)
	}
	s.Attr.Setsid = true
	pid, err = daemonRole.Start(s)
	return pid, os.NewSyscallError("start the daemon", err)
}

// readReport is the error of the background process.
func readReport(socket int) error {
	kind := -1
	_, err := process.ReadAnswer(socket, &kind)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return errors.New("the daemon died before the mount was ready")
	case kind < 0 || kind >= len(kinds):
		return err
	}
	return &Error{kinds[kind], err}
}

// report tells who has started this process that the mount answers, or why it does not, and which of kinds that
// is, -1 for none.
func report(socket int, err error) error {
	kind := slices.IndexFunc(kinds, func(k error) bool { return errors.Is(err, k) })
	return process.Answer(socket, kind, err)
}

func daemonMain(c *process.Child) (exitCode int) {
	process.SetName(process.Name)
	b := background{report: c.FDs[0]}
	var o order
	err := c.Read(&o)
	b.MountOptions, b.home = o.MountOptions, o.Home
	b.Dir = c.Args[0]
	if err == nil {
		err = b.serve()
	}
	if err == nil {
		return 0
	}
	if !b.reported {
		report(b.report, err)
	}
	return 1
}

// A background is the process of Daemonize.
type background struct {
	MountOptions
	report   int  // the socket for the report
	reported bool // it has, and the socket is closed: nobody listens any more
}

func (b *background) serve() error {
	// A device that somebody else has mounted is the one descriptor of the caller's that stays open.
	if n, ok := strings.CutPrefix(b.Dir, "/dev/fd/"); ok {
		if fd, err := strconv.Atoi(n); err == nil {
			unix.CloseOnExec(fd)
		}
	}
	if err := process.DropInherited(2); err != nil {
		return err
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	signal.Ignore(unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	log := &sink{to: os.Stderr}
	b.Config.Logger = NewLogger(log, b.Config.Verbose, b.Config.LogJSON)
	return Serve(ctx, b.MountOptions, func() error {
		if err := report(b.report, nil); err != nil {
			return err // who started it was killed: nobody would know of the mount
		}
		b.reported = true
		unix.Close(b.report)
		log.turn(&systemLog{path: systemLogSocket})
		return process.DropInherited(3)
	})
}
