package run

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
)

// A front is the process the user started. All its fields belong to the one
// goroutine of watch.
type front struct {
	daemon, init       line
	daemonPID, initPID int

	command  int          // CMD's pid; 0 before it has started
	except   map[int]bool // children that the process had before, from the program that executed it
	terminal terminal
	signals  chan os.Signal

	ended   bool            // CMD has ended ...
	status  unix.WaitStatus // ... with this
	failure *failure        // what went wrong with the session
}

func (f *front) run(p *plan) (int, error) {
	if err := f.start(p); err != nil {
		return 0, err
	}
	f.watch()
	if err := f.finish(p); err != nil {
		return 0, err
	}
	f.terminal.restore()
	switch {
	case f.failure != nil:
		return 0, f.failure
	case !f.ended:
		return 0, errors.New("a process of the session was killed; the command was killed with it")
	case f.status.Signaled():
		return 128 + int(f.status.Signal()), nil
	}
	return f.status.ExitStatus(), nil
}

// start starts the others. Signals are caught only afterwards: what the caller ignores,
// the others are to find ignored.
func (f *front) start(p *plan) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become a subreaper: %w", err)
	}
	var err error
	if f.except, err = earlierChildren(); err != nil {
		return err
	}
	if err := f.startOthers(p); err != nil {
		return err
	}
	f.terminal = openTerminal()
	f.signals = make(chan os.Signal, 16)
	f.catch()
	return process.DropInherited(2)
}

// startOthers leaves one started alone if the other cannot be: it sees that its lines
// have ended, and ends.
func (f *front) startOthers(p *plan) error {
	var err error
	var ends [6]line // in pairs
	for i := 0; i < len(ends); i += 2 {
		if ends[i], ends[i+1], err = newLine(); err != nil {
			return err
		}
		defer ends[i+1].close()
	}
	defer ends[4].close()
	f.daemon, f.init = ends[0], ends[2]
	if f.daemonPID, err = daemonStage.start(p, ends[1], ends[4]); err != nil {
		return err
	}
	f.initPID, err = initStage.start(p, ends[3], ends[5])
	return err
}

// earlierChildren are those of the program that this process was before exec.
func earlierChildren() (map[int]bool, error) {
	if !hasChildren() {
		return nil, nil
	}
	all, err := childrenOfAll()
	if err != nil {
		return nil, err
	}
	except := make(map[int]bool)
	for _, pid := range all[os.Getpid()] {
		except[pid] = true
	}
	return except, nil
}

// watch returns when the others have ended, or one has and the other does not follow.
func (f *front) watch() {
	daemon, init := f.daemon.listen(), f.init.listen()
	var late <-chan time.Time
	for daemon != nil || init != nil {
		select {
		case m, ok := <-daemon:
			if !ok {
				daemon, late = nil, time.After(graceTime)
				continue
			}
			f.note(m)
		case m, ok := <-init:
			if !ok {
				init, late = nil, time.After(graceTime)
				continue
			}
			f.note(m)
		case s := <-f.signals:
			f.pass(s.(unix.Signal))
		case <-late:
			return
		}
	}
	awaitExit(f.daemonPID)
	awaitExit(f.initPID)
}

func (f *front) note(m message) {
	switch m.kind {
	case msgStarted:
		f.command = m.number
	case msgStopped:
		f.stop()
	case msgCommandEnd:
		f.ended, f.status = true, unix.WaitStatus(m.number)
	case msgFailed:
		if f.failure == nil {
			f.failure = &failure{m.number, errors.New(m.text)}
		}
	}
}

// finish makes sure that nothing of the session is left.
func (f *front) finish(p *plan) error {
	if !hasChildren() {
		return nil
	}
	e := ending{exits: reap(), except: f.except, log: p.logger()}
	return e.run()
}

// printError writes the one line that a failure gets.
func printError(err error) {
	text := strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), "; ")
	fmt.Fprintf(os.Stderr, "vanishfs: %s\n", text)
}

// caught are the signals that the front does not die of: they are CMD's.
var caught = []os.Signal{
	unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM, unix.SIGWINCH, unix.SIGCONT,
	unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGHUP,
}

// The real-time signals, which have no other meaning than the one that CMD gives them
// (signal(7)): glibc keeps the first two, 32 and 33, for itself.
const firstRealTime, lastRealTime = unix.Signal(34), unix.Signal(64)

// catch subscribes to all signals that are not ignored.
func (f *front) catch() {
	list := caught
	for s := firstRealTime; s <= lastRealTime; s++ {
		list = append(list, s)
	}
	for _, s := range list {
		if !signal.Ignored(s) {
			signal.Notify(f.signals, s)
		}
	}
}
