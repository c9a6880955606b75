package lifecycle

import (
	"context"
	"encoding/json"
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

	"vanishfs/fs/store"
	"vanishfs/lifecycle/process"
)

// daemonName is argv[0] of the background process; then come the descriptors of the letter with
// MountOptions and of the pipe for the report, and the directory: for people to see, and because
// its bytes need not be UTF-8, as a letter's are.
const daemonName = "vanishfs-mount"

// A report is what the background process says to the one that started it.
type report struct {
	Kind int    // index in kinds, -1 for none of them
	Text string // empty: the mount answers
}

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
	ours, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ours.Close()
	var pid int
	err = leaveHome(func(h *home) (err error) {
		pid, err = startDaemon(order{o, h}, theirs)
		return err
	})
	theirs.Close()
	if err != nil {
		return classify(err)
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
func startDaemon(o order, pipe *os.File) (pid int, err error) {
	letter, err := process.WriteLetter(o)
	if err != nil {
		return 0, err
	}
	defer unix.Close(letter)
	fds := []int{letter, int(pipe.Fd())}
	if o.Home != nil {
		fds = append(fds, o.Home.Namespace, o.Home.Root)
	}
	if err := process.PassOn(fds...); err != nil {
		return 0, err
	}
	argv := []string{daemonName, strconv.Itoa(fds[0]), strconv.Itoa(fds[1]), o.Dir}
	pid, err = syscall.ForkExec(process.Self, argv, &syscall.ProcAttr{
		Files: []uintptr{0, 1, 2}, Env: syscall.Environ(), Sys: &syscall.SysProcAttr{Setsid: true},
	})
	return pid, os.NewSyscallError("start the daemon", err)
}

func readReport(pipe io.Reader) error {
	var r report
	if json.NewDecoder(pipe).Decode(&r) != nil {
		return errors.New("the daemon died before the mount was ready")
	}
	if r.Text == "" {
		return nil
	}
	err := errors.New(r.Text)
	if r.Kind < 0 || r.Kind >= len(kinds) {
		return err
	}
	return &Error{kinds[r.Kind], err}
}

// ChildMain becomes the background process of Daemonize, or the helper of a
// store, and ends with it, if this process was started for that; else it
// returns at once. It comes first thing in main.
func ChildMain() {
	store.ChildMain()
	if len(os.Args) != 4 || os.Args[0] != daemonName {
		return
	}
	letter, err1 := strconv.Atoi(os.Args[1])
	pipe, err2 := strconv.Atoi(os.Args[2])
	if err1 != nil || err2 != nil {
		os.Exit(1)
	}
	process.SetName(process.Name)
	process.KeepBack(letter, pipe)
	b := background{pipe: pipe}
	var o order
	err := process.ReadLetter(letter, &o)
	b.MountOptions, b.home = o.MountOptions, o.Home
	b.Dir = os.Args[3]
	if b.home != nil {
		process.KeepBack(b.home.Namespace, b.home.Root)
	}
	if err == nil {
		err = b.serve()
	}
	if err == nil {
		os.Exit(0)
	}
	if !b.reported {
		writeReport(pipe, err)
	}
	os.Exit(1)
}

// A background is the process of Daemonize.
type background struct {
	MountOptions
	pipe     int  // where the report goes
	reported bool // it has, and the pipe is closed: nobody listens any more
}

func (b *background) serve() error {
	// A device that somebody else has mounted is the one descriptor of the caller's that stays open.
	if n, ok := strings.CutPrefix(b.Dir, "/dev/fd/"); ok {
		if fd, err := strconv.Atoi(n); err == nil {
			process.KeepBack(fd)
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
		if err := writeReport(b.pipe, nil); err != nil {
			return err // who started it was killed: nobody would know of the mount
		}
		b.reported = true
		unix.Close(b.pipe)
		log.turn(&systemLog{path: systemLogSocket})
		return process.DropInherited(3)
	})
}

func writeReport(pipe int, err error) error {
	text, err := json.Marshal(reportOf(err))
	if err != nil {
		return err
	}
	_, err = unix.Write(pipe, text)
	return err
}

func reportOf(err error) report {
	r := report{Kind: -1}
	if err != nil {
		r.Text = err.Error()
		r.Kind = slices.IndexFunc(kinds, func(k error) bool { return errors.Is(err, k) })
	}
	return r
}
