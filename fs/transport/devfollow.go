package transport

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel wakes the readers of /dev/fuse in turn and without a hint where
// the caller is (fs/fuse/dev.c, fuse_dev_wake_and_unlock), so the scheduler
// prefers an idle other CPU, and every request costs two wake-ups across CPUs.
// A reader on the CPU of the one busy caller answers in a fraction of the time,
// if it is the only one: a second one would be woken before the first is back
// in read(2), and be in its way, in Go's scheduler too. With several callers the
// CPUs are busy and the difference goes away.
//
// A follower finds out by trial. While requests come from one thread only, and
// all are quick, it times some as the scheduler places the readers, then some
// with one reader on the caller's CPU, and stays with what was faster. A caller
// that computes meanwhile, or that other work is beside, shows no gain and is
// left alone; a second caller or a request that is not quick ends it at once.
type follower struct {
	// caller is the thread the last request came from, streak how many came
	// from it in a row, since when the streak was first looked at: 0 for not yet,
	// in nanoseconds.
	caller atomic.Uint32
	streak atomic.Uint32
	since  atomic.Int64
	// slow is how many requests are being answered that may take long: they may
	// hold what a quick one needs.
	slow atomic.Int32
	// place is the CPU that the one reader is to be on, or anywhere.
	place atomic.Int32

	trying sync.Mutex // tried, not waited for
	trial  trial      // guarded by trying
}

const (
	anywhere = -1

	// soloStreak requests in a row make a single caller, if they took soloTime.
	// Moving a thread is not cheap: it must not happen with two callers of which
	// one sleeps now and then or, on a busy machine, waits for a CPU.
	soloStreak   = 256
	soloTime     = 30 * time.Millisecond
	followWindow = 8 // requests that are timed together
)

// saw counts a request of this thread, before it is answered. It says whether
// the reader may answer it with nobody reading on.
func (f *follower) saw(caller uint32, p pace) (alone bool) {
	switch {
	case p == slow, p == disk:
		f.slow.Add(1)
		f.stop()
		return false
	case p == waits:
		return f.place.Load() != anywhere // it goes on elsewhere
	case caller != 0 && f.caller.Load() != caller:
		f.caller.Store(caller)
		f.stop()
		return false
	}
	return f.place.Load() != anywhere
}

// answered is the end of what saw began.
func (f *follower) answered(p pace) {
	if p == slow || p == disk {
		f.slow.Add(-1)
	}
}

// stop lets the readers go anywhere.
func (f *follower) stop() {
	f.streak.Store(0)
	f.since.Store(0)
	f.place.Store(anywhere)
}

// follow says where the reader is to be that answered a request of this thread.
func (f *follower) follow(caller uint32, clock func() time.Time) int32 {
	// RELEASE, FORGET and others that nobody waits for have no caller.
	if caller == 0 || f.caller.Load() != caller {
		return f.place.Load()
	}
	n := f.streak.Add(1)
	if n%followWindow != 0 || f.slow.Load() != 0 || !f.trying.TryLock() {
		return f.place.Load()
	}
	defer f.trying.Unlock()
	now := clock()
	if f.since.CompareAndSwap(0, now.UnixNano()) {
		f.trial = trial{}
	}
	if n < soloStreak || now.UnixNano()-f.since.Load() < int64(soloTime) {
		return f.place.Load()
	}
	place := f.trial.next(now, func() int32 { return lastCPU(caller) })
	f.place.Store(place)
	if f.caller.Load() != caller || f.slow.Load() != 0 {
		f.stop() // meanwhile
	}
	return place
}

// A placement is where one reader's thread may run.
type placement struct {
	current int32
	initial unix.CPUSet
	fixed   bool // moving failed: stay
}

func newPlacement() placement {
	p := placement{current: anywhere}
	p.fixed = unix.SchedGetaffinity(0, &p.initial) != nil
	return p
}

// move moves the calling thread. It says whether that is on another CPU now.
func (p *placement) move(place int32) bool {
	if place == p.current || p.fixed {
		return false
	}
	set := p.initial
	if place != anywhere {
		set.Zero()
		set.Set(int(place))
	}
	p.fixed = unix.SchedSetaffinity(0, &set) != nil
	p.current = place
	return place != anywhere && !p.fixed
}
