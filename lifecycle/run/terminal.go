package run

import (
	"os/signal"

	"golang.org/x/sys/unix"
)

// A terminal is the controlling terminal of the front, if it has one.
type terminal struct {
	fd    int  // -1 without one
	group int  // our process group
	had   bool // it was in the foreground at the start
}

func openTerminal() terminal {
	t := terminal{group: unix.Getpgrp()}
	var err error
	if t.fd, err = unix.Open("/dev/tty", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err != nil {
		t.fd = -1
	}
	t.had = t.ours()
	return t
}

// ours says whether our process group is in the foreground.
func (t terminal) ours() bool { return t.fd >= 0 && t.foreground() == t.group }

func (t terminal) foreground() int {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	if err != nil {
		return -1
	}
	return group
}

// restore takes the terminal back from a group that has died with it: a shell gives it
// to its jobs and, when killed, to nobody.
func (t terminal) restore() {
	if t.fd < 0 || !t.had {
		return
	}
	now := t.foreground()
	if now <= 0 || now == t.group || unix.Kill(-now, 0) != unix.ESRCH {
		return
	}
	signal.Ignore(unix.SIGTTOU) // or else we would be stopped for it (drivers/tty/tty_jobctrl.c, tiocspgrp)
	unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, t.group)
}
