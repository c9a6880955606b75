package run

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
)

// An inside is the process that builds the namespace, starts CMD, and ends
// what CMD leaves behind. All its fields belong to the one goroutine of run.
type inside struct {
	plan   *plan
	front  line
	daemon line

	command command
	stopped bool            // CMD is stopped and the front was told
	lost    bool            // the front or the daemon has died, and everybody is killed
	ended   bool            // CMD has ended ...
	status  unix.WaitStatus // ... with this

	exits      <-chan exit
	fromFront  <-chan message
	fromDaemon <-chan message
	terminate  chan os.Signal
}

func initMain(p *plan, lines [2]line) error {
	// CMD is killed when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG):
	// that is this one, which stays.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become a subreaper: %w", err)
	}
	n := &inside{plan: p, front: lines[0], daemon: lines[1]}
	if err := n.build(); err != nil {
		return err
	}
	if err := n.start(); err != nil {
		return err
	}
	return n.run()
}

// errSilent ends init without a word: the daemon has said why, or is dead.
var errSilent = errors.New("the daemon of the session has died")

// build puts the namespace together.
func (n *inside) build() error {
	places, err := takePlaces(n.plan)
	if err != nil {
		return err
	}
	mnt, err := n.expect(msgMount)
	if err != nil {
		return err
	}
	if err := places.attach(mnt.fd); err != nil {
		return err
	}
	maps, err := n.expect(msgMaps)
	if err != nil {
		return err
	}
	go answerMaps(line(maps.fd))
	if _, err := n.expect(msgReady); err != nil {
		return err
	}
	return places.furnish(mnt.fd)
}

// expect waits for a message of the daemon.
func (n *inside) expect(k kind) (message, error) {
	m, err := n.daemon.receive()
	switch {
	case err != nil:
		return m, errSilent
	case m.kind != k:
		return m, errors.New("the daemon of the session speaks another version")
	}
	return m, nil
}

// start starts CMD, and from then on nothing of the caller's is held here.
func (n *inside) start() (err error) {
	if n.plan.UserNS {
		if err := disinherit(n.plan.Bounding); err != nil {
			return err
		}
	}
	if err := process.RestoreLimits(n.plan.Limits); err != nil {
		return fmt.Errorf("give the command its limits: %w", err)
	}
	if n.command, err = startCommand(n.plan.argv(), n.plan.Group); err != nil {
		return err
	}
	process.LiftLimits()
	n.front.send(message{kind: msgStarted, number: n.command.pid})
	n.terminate = make(chan os.Signal, 1)
	signal.Notify(n.terminate, unix.SIGTERM)
	return settle(3)
}

func (n *inside) run() error {
	n.exits, n.fromFront, n.fromDaemon = reap(), n.front.listen(), n.daemon.listen()
	n.lost = n.live()
	if err := n.finish(); err != nil {
		return err
	}
	n.daemon.send(message{kind: msgDone})
	return nil
}

// live returns when it is time to end what is left; lost says that it has to go at once.
func (n *inside) live() (lost bool) {
	for {
		select {
		case x, ok := <-n.exits:
			if !ok {
				return false
			}
			n.collect(x)
			if n.ended && !n.plan.Wait {
				return false
			}
		case m, ok := <-n.fromFront:
			if !ok {
				return true
			}
			if n.obey(m) {
				return false
			}
		case m, ok := <-n.fromDaemon:
			if !ok {
				return true
			}
			if n.obey(m) {
				return false
			}
		case <-n.terminate:
			return false
		}
	}
}

// obey returns true when the session is to end.
func (n *inside) obey(m message) bool {
	switch m.kind {
	case msgSignal:
		if m.number == int(unix.SIGCONT) {
			n.stopped = false // the front is running already
		}
		n.command.signal(unix.Signal(m.number))
	case msgEnd:
		return true
	}
	return false
}

// collect takes note of what CMD did.
func (n *inside) collect(x exit) {
	if x.pid != n.command.pid || n.ended {
		return
	}
	switch {
	case n.lost: // what it does now is our doing
	case x.status.Stopped():
		n.stopped = true
		n.front.send(message{kind: msgStopped})
	case x.status.Continued():
		if n.stopped { // somebody else than the front did it
			unix.Kill(n.plan.Front, unix.SIGCONT)
		}
		n.stopped = false
	default:
		n.ended, n.status = true, x.status
		n.front.send(message{kind: msgCommandEnd, number: int(x.status)})
	}
}

// finish ends what is left and collects it.
func (n *inside) finish() error {
	if !hasChildren() && n.ended {
		return nil
	}
	e := ending{exits: n.exits, grace: graceTime, seen: n.collect, log: n.plan.logger()}
	if n.lost {
		e.grace = 0
	} else {
		e.hurry = n.othersDeath()
	}
	return e.run()
}

// othersDeath closes when the front or the daemon dies.
func (n *inside) othersDeath() <-chan struct{} {
	c := make(chan struct{})
	go func() {
		defer close(c)
		for ok := true; ok; {
			select {
			case _, ok = <-n.fromFront:
			case _, ok = <-n.fromDaemon:
			}
		}
	}()
	return c
}
