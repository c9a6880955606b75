package transport

import (
	"slices"
	"time"
)

const (
	trialWindows = 15 // windows of a round
	// minRest and maxRest are the windows that pass between a trial without gain
	// and the next one: twice as many after each, so that trials cost next to
	// nothing.
	minRest, maxRest = 64, 1024
	// maxRounds is how often following is held against the time that it took
	// without, before that is timed again.
	maxRounds = 1024

	// calmPause is how long a reader that followed its caller does not read.
	// In a virtual machine the CPU it left counts as idle only until the host has
	// put it to sleep (include/linux/sched.h, vcpu_is_preempted), and until then
	// the scheduler prefers it for the caller when the reader's reply wakes it
	// (kernel/sched/fair.c, select_idle_sibling). KVM waits for 200 us at most by
	// default (virt/kvm/kvm_main.c, halt_poll_ns).
	calmPause = time.Millisecond
	// A trial may lose trialCredit, and later what following gained, of which
	// no more than maxCredit counts.
	trialCredit = 2 * calmPause
	maxCredit   = 10 * calmPause
)

// A trial decides where the reader is best placed for one caller.
type trial struct {
	start   time.Time // of the current window
	phase   phase
	place   int32                       // of the reader
	windows int                         // of this phase, or of this round of following
	took    [trialWindows]time.Duration // the windows of a round
	free    time.Duration               // median window with readers anywhere
	typical time.Duration               // median window of the last round of following, 0 in the first
	moves   int                         // in this round
	rounds  int                         // of following
	credit  time.Duration
	rest    int // windows of the last rest, 0 if following paid well since
}

type phase uint8

const (
	timeAnywhere phase = iota
	following
	resting
)

// next ends a window now and says where the reader is to be in the next one. A
// reader that is sent to another CPU sleeps for calmPause there. cpu finds
// the caller's CPU.
func (t *trial) next(now time.Time, cpu func() int32) int32 {
	took := now.Sub(t.start)
	first := t.start.IsZero()
	t.start = now
	if first {
		return t.enter(timeAnywhere)
	}
	t.windows++
	switch {
	case t.phase == resting:
		if t.windows == t.rest {
			return t.enter(timeAnywhere)
		}
		return anywhere
	case t.phase == timeAnywhere:
		t.took[t.windows-1] = took
		if t.windows == trialWindows {
			t.free = t.median()
			t.typical, t.rounds, t.moves, t.credit = 0, 0, 0, trialCredit
			t.enter(following)
			return t.moveTo(cpu())
		}
		return anywhere
	}
	t.took[t.windows-1] = took
	if t.windows == trialWindows && !t.pays() {
		t.rest = min(max(2*t.rest, minRest), maxRest)
		return t.enter(resting)
	}
	if t.rounds == maxRounds {
		return t.enter(timeAnywhere)
	}
	// A caller on another CPU takes much longer; now and then one looks anyway.
	if t.windows == 0 || t.typical != 0 && took > t.typical+t.typical/2 {
		return t.moveTo(cpu())
	}
	return t.place
}

// pays ends a round, and says whether following is still worthwhile: it is to be
// faster by more than noise, and to make up for the pauses.
func (t *trial) pays() bool {
	gain := -time.Duration(t.moves) * calmPause
	for _, took := range t.took {
		// A caller that slept or computed says nothing about the reader.
		gain += t.free - t.free/8 - min(took, 2*t.free)
	}
	t.credit = min(t.credit+gain, maxCredit)
	if t.credit == maxCredit {
		t.rest = 0
	}
	t.typical = t.median()
	t.windows, t.moves = 0, 0
	t.rounds++
	return t.credit >= 0
}

// moveTo sends the reader to a CPU.
func (t *trial) moveTo(cpu int32) int32 {
	if cpu != t.place && cpu != anywhere {
		t.moves++
		t.start = t.start.Add(calmPause)
	}
	t.place = cpu
	return cpu
}

// enter begins a phase.
func (t *trial) enter(p phase) int32 {
	t.phase, t.windows, t.place = p, 0, anywhere
	return anywhere
}

func (t *trial) median() time.Duration {
	slices.Sort(t.took[:])
	return t.took[trialWindows/2]
}
