package run

import (
	"os"

	"golang.org/x/sys/unix"
)

// fromTerminal are the signals that a terminal sends to its foreground group:
// CMD gets them itself then.
var fromTerminal = map[unix.Signal]bool{
	unix.SIGINT: true, unix.SIGQUIT: true, unix.SIGTSTP: true, unix.SIGWINCH: true,
}

// hasAlready says whether CMD gets s itself when we do, foreground being that our group is in that
// of the terminal. What was to end CMD before it has started is kept for it.
func hasAlready(s unix.Signal, foreground, started bool) bool {
	ends := s == unix.SIGINT || s == unix.SIGQUIT
	return fromTerminal[s] && foreground && (started || !ends)
}

// pass hands a signal on to CMD. When CMD has ended and others are waited for, a signal
// to end ends those.
func (f *front) pass(s unix.Signal) {
	switch {
	case f.ended:
		if s == unix.SIGTERM || s == unix.SIGINT || s == unix.SIGHUP || s == unix.SIGQUIT {
			f.init.send(message{kind: msgEnd})
		}
		return
	case s == unix.SIGTTIN || s == unix.SIGTTOU:
		return // the terminal's, to the whole group when it is in the background
	case hasAlready(s, f.terminal.ours(), f.command != 0):
		return
	case s == unix.SIGCONT && !f.commandStopped():
		return // by whoever has continued us as well
	}
	f.init.send(message{kind: msgSignal, number: int(s)})
}

// commandStopped says whether CMD is stopped, as far as can be seen.
func (f *front) commandStopped() bool {
	state, _, ok := statOf(f.command)
	return !ok || state == 'T' || state == 't'
}

// stop stops this process as CMD has been, so that the shell that started it
// takes over the terminal. Whoever continues it continues CMD, see pass. It is
// SIGSTOP whatever CMD was stopped by: for the others, Go's runtime does not give
// the default action back (runtime/signal_unix.go, sigdisable).
func (f *front) stop() {
	f.forget()
	if f.commandStopped() { // else it was stopped together with us, and so continued
		unix.Kill(os.Getpid(), unix.SIGSTOP)
	}
}

// forget drops what the terminal sent before CMD stopped: passed on after we have been
// continued, it would stop CMD again.
func (f *front) forget() {
	for {
		select {
		case s := <-f.signals:
			if s := s.(unix.Signal); s != unix.SIGCONT && !fromTerminal[s] {
				f.pass(s)
			}
		default:
			return
		}
	}
}
