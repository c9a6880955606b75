package run

import (
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// graceTime is how long what CMD left behind may take to end after SIGTERM.
	graceTime = 2 * time.Second
	// killTime is after how long a process that does not even die of SIGKILL is given up.
	killTime = 10 * time.Second
	// killAgain is how often SIGKILL is sent to what may have been forked in between.
	killAgain = 20 * time.Millisecond
)

// exit is a child that has ended, stopped or been continued.
type exit struct {
	pid    int
	status unix.WaitStatus
}

// reap collects children in the background, adopted ones too, until there are
// none; then it closes the channel.
func reap() <-chan exit {
	c := make(chan exit)
	go func() {
		defer close(c)
		for {
			var e exit
			var err error
			e.pid, err = unix.Wait4(-1, &e.status, unix.WUNTRACED|unix.WCONTINUED|unix.WALL, nil)
			switch err {
			case nil:
				c <- e
			case unix.EINTR:
			default: // ECHILD
				return
			}
		}
	}()
	return c
}

// awaitExit collects the child pid.
func awaitExit(pid int) (status unix.WaitStatus) {
	for {
		if _, err := unix.Wait4(pid, &status, unix.WALL, nil); err != unix.EINTR {
			return status
		}
	}
}

// hasChildren says whether there are children, ended ones included, without collecting any.
func hasChildren() bool {
	var info unix.Siginfo
	return unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil) == nil
}

// An ending ends everything below this process.
type ending struct {
	exits  <-chan exit     // from reap
	except map[int]bool    // children that are none of ours
	grace  time.Duration   // between SIGTERM and SIGKILL; 0 kills at once
	seen   func(exit)      // told of every exit; may be nil
	hurry  <-chan struct{} // ends the grace period; may be nil
	kill   func()          // called once before the first SIGKILL; may be nil
	log    *slog.Logger
}

// run returns when nothing is left, or an error when something cannot be killed.
func (e *ending) run() error {
	if e.grace > 0 {
		e.signalAll(unix.SIGTERM, unix.SIGCONT) // a stopped process acts on SIGTERM only when it is continued
		if e.wait(time.After(e.grace), nil) {
			return nil
		}
	}
	if e.kill != nil {
		e.kill()
	}
	giveUp := time.After(killTime)
	for again := time.NewTicker(killAgain); ; {
		left := e.signalAll(unix.SIGKILL)
		if left == 0 && len(e.except) > 0 {
			return nil // the rest of the children is not ours to wait for
		}
		if e.wait(giveUp, again.C) {
			return nil
		}
		select {
		case <-giveUp:
			return fmt.Errorf("%d processes cannot be killed", left)
		default:
		}
	}
}

// wait returns true when there are no children left, false when one of the times has come.
func (e *ending) wait(until, again <-chan time.Time) bool {
	for {
		select {
		case x, ok := <-e.exits:
			if !ok {
				return true
			}
			if e.seen != nil {
				e.seen(x)
			}
		case <-e.hurry:
			return false
		case <-until:
			return false
		case <-again:
			return false
		}
	}
}

// signalAll returns how many processes there are.
func (e *ending) signalAll(signals ...unix.Signal) int {
	pids, err := descendants(e.except)
	if err != nil {
		e.log.Error("cannot list the processes of the session", "error", err)
	}
	for _, pid := range pids {
		for _, s := range signals {
			unix.Kill(pid, s)
		}
	}
	return len(pids)
}
