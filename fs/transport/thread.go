package transport

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// A sleeper is what Abort wakes: it may sleep in the kernel for ever.
type sleeper interface{ interrupt() }

func (s *Server) addSleeper(t sleeper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sleepers[t] = struct{}{}
}

func (s *Server) removeSleeper(t sleeper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sleepers, t)
}

// A thread is an operating system thread that belongs to one goroutine, so
// that it can be sent a signal and pinned to a CPU.
type thread struct{ id int }

// wakeSignal interrupts a system call and is otherwise ignored: the runtime
// uses it for preemption and tolerates spurious ones (runtime/signal_unix.go).
const wakeSignal = unix.SIGURG

// enterThread ties the calling goroutine to its thread and makes the thread
// known to Abort. A goroutine of Serve ends without
// letting its thread go, so that both end together.
func (s *Server) enterThread() *thread {
	runtime.LockOSThread()
	t := &thread{id: unix.Gettid()}
	s.addSleeper(t)
	return t
}

// exitThread lets the thread of a goroutine go that goes on.
func (s *Server) exitThread(t *thread) {
	s.removeSleeper(t)
	runtime.UnlockOSThread()
}

// interrupt wakes the thread if it sleeps in a system call. Call it with
// Server.mu held: the thread exists as long as it is in Server.sleepers.
func (t *thread) interrupt() {
	// ESRCH cannot happen, and nothing could be done about anything else.
	_ = unix.Tgkill(unix.Getpid(), t.id, wakeSignal)
}
