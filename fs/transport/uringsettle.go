package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// A settler keeps a caller that is alone from hopping between CPUs.
//
// A reply wakes the caller while the thread that replies still runs on the
// caller's CPU, so the scheduler prefers one that is idle (kernel/sched/fair.c,
// select_idle_sibling). From there the next request comes through another queue,
// with the same end. In a virtual machine each hop costs the wake-up of a halted
// CPU, several times the request itself. But a halted virtual CPU counts as idle
// only until the host has put it to sleep (include/linux/sched.h,
// vcpu_is_preempted). So one reply that comes late by that much ends the hopping,
// until something else wakes the other CPU.
//
// Whether that pays depends on the machine and on the caller, so it is found out
// by trial: for a while the requests of the one caller are timed without pauses
// and with pauses of each length, and what was fastest is kept for a while. With
// several callers there are no pauses.
type settler struct {
	// caller is the thread that the last requests came from, queue the one they came
	// through, hops how much it hopped lately, length of a pause in ns; 0 is none.
	// Written with mu held, but for begin's.
	caller atomic.Uint32
	queue  atomic.Uint32
	hops   atomic.Int32
	length atomic.Int64

	mu    sync.Mutex
	trial settleTrial // guarded by mu
}

const (
	// callerStreak is how many requests of one thread in a row make it a caller that is alone.
	callerStreak = 32
	// A hop counts hopWeight, a request without one takes 1 away, and hopLimit makes a pause.
	hopWeight = 4
	hopLimit  = 3 * hopWeight
)

// A visit is what one queue thread remembers of the caller that it serves.
type visit struct {
	caller uint32
	streak uint32
}

// pause says how long the reply to a request of this thread, through this queue,
// is to wait; it is mostly 0.
func (s *settler) pause(v *visit, caller, queue uint32, now func() time.Time) time.Duration {
	if caller == 0 { // RELEASE and others that nobody waits for
		return 0
	}
	if v.caller != caller {
		*v = visit{caller: caller}
		return 0
	}
	// What several threads write is written once in callerStreak requests, but for hops.
	v.streak++
	step := v.streak%callerStreak == 0
	if s.caller.Load() != caller {
		if step {
			s.begin(caller, queue, now())
		}
		return 0
	}
	if step {
		s.count(now())
	}
	if s.length.Load() == 0 || s.queue.Load() == queue && s.hops.Load() == 0 {
		return 0
	}
	return s.moved(queue)
}

// begin follows another caller.
func (s *settler) begin(caller, queue uint32, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caller.Store(caller)
	s.queue.Store(queue)
	s.hops.Store(0)
	s.trial.begin(now)
}

// count goes on with the trial.
func (s *settler) count(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.length.Store(int64(s.trial.count(callerStreak, now)))
}

// moved counts a request that came through another queue than the last one, or
// soon after such a one.
func (s *settler) moved(queue uint32) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	hops := s.hops.Load()
	if s.queue.Load() == queue {
		s.hops.Store(max(hops-1, 0))
		return 0
	}
	s.queue.Store(queue)
	if hops += hopWeight; hops < hopLimit {
		s.hops.Store(hops)
		return 0
	}
	s.hops.Store(0)
	return time.Duration(s.length.Load())
}

// settle delays the reply to e if that keeps its caller where it is.
func (t *uringThread) settle(e *uringEntry) {
	d := t.settler.pause(&t.visit, e.request.header().Pid, uint32(e.queue.id), time.Now)
	if d == 0 || t.ring.available() {
		return // others would wait, too
	}
	pause(d)
}
