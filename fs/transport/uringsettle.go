package transport

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
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
// Whether that pays is found out by trial: what the requests cost before and after
// a pause, and how long the calm lasted, is put to an account that pauses are paid
// from. Where it is overdrawn they become exponentially rarer, whoever the caller
// is: where hopping is cheap they cost next to nothing.
type settler struct {
	// caller is the thread that the last requests came from, queue the one they came
	// through, hops how much it hopped lately; untimed says that the calm after a pause is to be
	// timed. Written with mu held.
	caller  atomic.Uint32
	queue   atomic.Uint32
	hops    atomic.Int32
	untimed atomic.Bool

	mu       sync.Mutex
	burst    time.Time     // the hopping began; guarded by mu
	requests int           // in the burst; guarded by mu
	resumed  time.Time     // end of the last pause of this caller, zero without one; guarded by mu
	calm     time.Duration // a request took after that pause, 0 if not known; guarded by mu
	account  time.Duration // saved by pauses, less what they took; guarded by mu
	backoff  int           // bursts to let pass when it is overdrawn; guarded by mu
	skip     int           // bursts still to let pass; guarded by mu
}

const (
	// callerStreak is how many requests of one thread in a row make it a caller that is alone.
	callerStreak = 32
	// A hop counts hopWeight, a request without one takes 1 away, and hopLimit is a burst.
	hopWeight = 4
	hopLimit  = 3 * hopWeight
	// settlePause is long enough for a host to put a halted virtual CPU to sleep (KVM polls for
	// 200 us at most by default, virt/kvm/kvm_main.c, halt_poll_ns).
	settlePause = time.Millisecond
	// calmSample is how many requests are timed after a pause.
	calmSample = 32
	// credit is what the account may be overdrawn by, savings what it holds at most.
	credit  = 8 * settlePause
	savings = 64 * settlePause
	// Bursts are let pass for a tenth of a second of hopping at first, and for a minute in the end.
	minBackoff = 1 << 12
	maxBackoff = 1 << 20
	// unhurried is a time between requests that no pause can pay for.
	unhurried = 250 * time.Microsecond
)

// A visit is what one queue thread remembers of the caller that it serves.
type visit struct {
	caller uint32
	streak uint32
	since  time.Time // start of a sample of calm
	end    uint32    // streak at which the sample ends, 0 without one
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
	v.streak++
	if v.streak < callerStreak {
		return 0
	}
	if s.caller.Load() != caller {
		// Not at each request: with several callers this is written by all threads.
		if v.streak%callerStreak == 0 {
			s.begin(caller, queue)
		}
		return 0
	}
	if s.queue.Load() == queue && s.hops.Load() == 0 {
		if s.untimed.Load() {
			s.sample(v, now)
		}
		return 0
	}
	v.end = 0
	return s.moved(queue, now())
}

// begin follows another caller. What was learned stays.
func (s *settler) begin(caller, queue uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caller.Store(caller)
	s.queue.Store(queue)
	s.hops.Store(0)
	s.untimed.Store(false)
	s.resumed, s.calm = time.Time{}, 0
}

// sample times calmSample requests without a hop between.
func (s *settler) sample(v *visit, now func() time.Time) {
	switch {
	case v.end == 0:
		v.since, v.end = now(), v.streak+calmSample
	case v.streak >= v.end:
		s.mu.Lock()
		s.calm = now().Sub(v.since) / calmSample
		s.untimed.Store(false)
		s.mu.Unlock()
		v.end = 0
	}
}

// moved counts a request that came through another queue than the last one, or
// soon after such a one.
func (s *settler) moved(queue uint32, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	hops := s.hops.Load()
	if hops == 0 {
		s.burst, s.requests = now, 0
	}
	s.requests++
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
	if !s.worthwhileLocked(now.Sub(s.burst) / time.Duration(s.requests-1)) {
		return 0
	}
	s.resumed, s.calm = now.Add(settlePause), 0
	s.untimed.Store(true)
	return settlePause
}

// worthwhileLocked puts what the last pause saved to the account, now that a
// burst ends the calm after it, and says whether there is to be another one.
// hopping is what a request takes in the burst.
func (s *settler) worthwhileLocked(hopping time.Duration) bool {
	if saved := s.savedLocked(hopping); saved > settlePause {
		s.backoff = 0
		s.account = min(s.account+saved, savings)
	}
	s.resumed = time.Time{}
	if s.skip > 0 {
		s.skip--
		return false
	}
	if hopping >= unhurried {
		return false
	}
	if s.account < -credit {
		s.account = 0
		s.backoff = min(max(2*s.backoff, minBackoff), maxBackoff)
		s.skip = s.backoff
		return false
	}
	s.account -= settlePause
	return true
}

// savedLocked is what the calm after the last pause saved.
func (s *settler) savedLocked(hopping time.Duration) time.Duration {
	if s.resumed.IsZero() || s.calm == 0 || hopping <= s.calm {
		return 0
	}
	return s.burst.Sub(s.resumed) / s.calm * (hopping - s.calm)
}

// settle delays the reply to e if that keeps its caller where it is.
func (t *uringThread) settle(e *uringEntry) {
	pause := t.settler.pause(&t.visit, e.request.header().Pid, uint32(e.queue), time.Now)
	if pause == 0 || t.ring.available() {
		return // others would wait, too
	}
	spec := unix.NsecToTimespec(int64(pause))
	// Cut short by a signal it is only shorter.
	_ = unix.Nanosleep(&spec, nil)
}
