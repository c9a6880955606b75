package run

import (
	"errors"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
	"vanishfs/fs/transport"
	"vanishfs/lifecycle"
)

// A daemon is the process that serves.
type daemon struct {
	front line
	init  line
	mount *lifecycle.Mount
	mark  *mark
}

func daemonMain(p *plan, lines [2]line) (err error) {
	if err := settle(2); err != nil {
		return err
	}
	d := &daemon{front: lines[0], init: lines[1]}
	ask, answer, err := newLine()
	if err != nil {
		return err
	}
	p.Config.MayMap = newAsker(ask).mayMap
	if d.mount, err = lifecycle.Start(p.Config, d.attach); err != nil {
		return err // init sees the end of its line and ends without having started anything
	}
	d.init.send(message{kind: msgMaps, fd: int(answer)})
	answer.close()
	d.init.send(message{kind: msgReady})
	return d.watch()
}

// attach makes the mount and leaves it to init to put it somewhere.
func (d *daemon) attach(o transport.MountOptions) (dev *os.File, err error) {
	dev, err = transport.OpenDevice()
	if err != nil {
		return nil, err
	}
	mnt, err := transport.MountDetached(dev, o)
	if err != nil {
		dev.Close()
		return nil, err
	}
	if d.mark, err = newMark(mnt); err != nil {
		dev.Close()
		return nil, err
	}
	if err := d.init.send(message{kind: msgMount, fd: int(mnt.Fd())}); err != nil {
		dev.Close()
		return nil, errors.New("the init process of the session has died")
	}
	return dev, nil
}

// watch serves until the session has ended.
func (d *daemon) watch() error {
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, unix.SIGTERM)
	front, init := d.front.listen(), d.init.listen()
	for {
		select {
		case <-front: // its end: it never says anything. Init sees it too, and kills
			front = nil
		case m, ok := <-init:
			if ok && m.kind == msgDone {
				d.mount.Abort()
				return nil
			}
			return d.killMarked()
		case <-terminate:
			d.init.send(message{kind: msgEnd})
		case <-d.mount.Done(): // not by an unmount: the mark keeps the mount
			return d.mount.Wait()
		}
	}
}

// settle makes the process independent of the caller once the next one has his
// descriptors: it holds none below keep, and no others but standard error, no
// directory, and gets no signals that a terminal or a job's end would send.
func settle(keep int) error {
	if err := process.DropInherited(keep); err != nil {
		return err
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGPIPE, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU,
		unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM)
	return nil
}
