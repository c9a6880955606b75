package transport

import "time"

// pauses are what a trial compares. KVM lets a halted CPU wait for 200 us at
// most by default before it sleeps (virt/kvm/kvm_main.c, halt_poll_ns).
var pauses = [...]time.Duration{0, 300 * time.Microsecond, time.Millisecond}

const (
	// A pause is timed for trialRequests or, where they are slow but not few, trialTime.
	trialRequests = 1024
	trialTime     = 30 * time.Millisecond
	fewRequests   = 128
	// slowTrial ends the timing of a caller that makes few requests.
	slowTrial = 100 * time.Millisecond
	// newCaller is how long another caller gets what was best for the last one.
	newCaller = 100 * time.Millisecond
	// What turned out best is kept for minChoice at first and maxChoice in the end, so that
	// trials take less than a tenth of the time, and soon less than a hundredth.
	minChoice = time.Second
	maxChoice = 16 * time.Second
)

// A settleTrial finds out which of the pauses makes the requests of one caller
// fastest.
type settleTrial struct {
	start    time.Time // of the window that is timed
	requests int       // in it
	timed    int       // index of pauses; len(pauses) is no trial: the best is in use
	took     [len(pauses)]time.Duration
	best     int
	until    time.Time     // end of the choice
	choice   time.Duration // how long it is kept
}

// begin is the first request of another caller: a window is one caller's.
func (t *settleTrial) begin(now time.Time) {
	t.start, t.requests = now, 0
	if soon := now.Add(newCaller); t.timed == len(pauses) && t.until.After(soon) {
		t.until = soon
	}
}

// count counts requests up to now, and says what pauses there are to be.
func (t *settleTrial) count(requests int, now time.Time) time.Duration {
	t.requests += requests
	if t.timed == len(pauses) {
		if now.Before(t.until) {
			return pauses[t.best]
		}
		t.time(0, now)
	}
	elapsed := now.Sub(t.start)
	if t.requests >= trialRequests || elapsed >= trialTime && t.requests >= fewRequests || elapsed >= slowTrial {
		t.took[t.timed] = elapsed / time.Duration(t.requests)
		t.time(t.timed+1, now)
	}
	if t.timed == len(pauses) {
		t.choose(now)
		return pauses[t.best]
	}
	return pauses[t.timed]
}

// time begins a window for one of the pauses.
func (t *settleTrial) time(pause int, now time.Time) {
	t.timed, t.start, t.requests = pause, now, 0
}

// choose prefers no pauses to those that make no difference.
func (t *settleTrial) choose(now time.Time) {
	best, least := 0, t.took[0]-t.took[0]/16
	for i := 1; i < len(pauses); i++ {
		if t.took[i] < least {
			best, least = i, t.took[i]
		}
	}
	t.choice = min(2*t.choice, maxChoice)
	if best != t.best || t.choice == 0 {
		t.choice = minChoice
	}
	t.best, t.until = best, now.Add(t.choice)
}
