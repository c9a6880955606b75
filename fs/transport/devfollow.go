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
// A reader on the CPU of the one busy caller answers in a fraction of the time.
// With several callers the CPUs are busy and the difference goes away.
//
// A follower finds out by trial. While requests come from one thread only, it
// times some as the scheduler places the readers, then some with the readers on
// the caller's CPU, and stays with what was faster. A caller that computes
// meanwhile, or that other work is beside, shows no gain and is left alone; a
// second caller ends it at once.
type follower struct {
	// caller is the thread the last request came from, streak how many came
	// from it in a row.
	caller atomic.Uint32
	streak atomic.Uint32
	// place is the CPU that the readers are to be on, or anywhere.
	place atomic.Int32

	mu    sync.Mutex // tried, not waited for
	trial trial      // guarded by mu
}

const (
	anywhere = -1

	// soloStreak is how many requests in a row make a single caller. Moving a
	// thread is not cheap; two callers of which one sleeps now and then must not
	// make it happen.
	soloStreak   = 1024
	followWindow = 32 // requests that are timed together
	trialWindows = 4  // windows for each side of a trial; the fastest counts
	// restWindows pass between a trial without gain and the next one, so that
	// trials cost next to nothing.
	restWindows = 256
)

// saw counts a request of this thread. It returns where the reader is to be.
func (f *follower) saw(caller uint32) int32 {
	if caller == 0 {
		// RELEASE, FORGET and others that nobody waits for.
		return f.place.Load()
	}
	if f.caller.Load() != caller {
		f.caller.Store(caller)
		f.streak.Store(0)
		f.place.Store(anywhere)
		return anywhere
	}
	if n := f.streak.Add(1); n >= soloStreak && n%followWindow == 0 && f.mu.TryLock() {
		if n == soloStreak {
			f.trial = trial{}
		}
		f.place.Store(f.trial.next(time.Now(), func() int32 { return lastCPU(caller) }))
		f.mu.Unlock()
	}
	return f.place.Load()
}

// A trial decides where readers are best placed for one caller.
type trial struct {
	start   time.Time // of the current window
	phase   phase
	windows int           // timed in this phase
	fastest time.Duration // window of this phase
	free    time.Duration // fastest window with readers anywhere
}

type phase uint8

const (
	timeAnywhere phase = iota
	timeFollowing
	following
	resting
)

// next ends a window now and says where the readers are to be in the next one.
// cpu finds the caller's CPU.
func (t *trial) next(now time.Time, cpu func() int32) int32 {
	took := now.Sub(t.start)
	first := t.start.IsZero()
	t.start = now
	if first {
		return anywhere
	}
	t.windows++
	if t.windows == 1 || took < t.fastest {
		t.fastest = took
	}
	switch t.phase {
	case timeAnywhere:
		if t.windows < trialWindows {
			return anywhere
		}
		t.free = t.fastest
		return t.enter(timeFollowing, cpu())
	case timeFollowing:
		if t.windows < trialWindows {
			return cpu()
		}
		return t.judge(cpu)
	case following:
		if t.windows < restWindows {
			return cpu()
		}
		return t.judge(cpu)
	}
	if t.windows < restWindows {
		return anywhere
	}
	return t.enter(timeAnywhere, anywhere)
}

// judge goes on following if that is faster by more than noise.
func (t *trial) judge(cpu func() int32) int32 {
	if t.fastest < t.free-t.free/8 {
		return t.enter(following, cpu())
	}
	return t.enter(resting, anywhere)
}

func (t *trial) enter(p phase, place int32) int32 {
	t.phase, t.windows = p, 0
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

// move moves the calling thread.
func (p *placement) move(place int32) {
	if place == p.current || p.fixed {
		return
	}
	set := p.initial
	if place != anywhere {
		set.Zero()
		set.Set(int(place))
	}
	p.fixed = unix.SchedSetaffinity(0, &set) != nil
	p.current = place
}
