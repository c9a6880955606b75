package harness

import (
	"testing"
	"time"
)

// Patience is how long a condition may take that ought to hold soon. It is
// large because the machine may be busy and the race detector slow; a test that
// passes never waits that long.
const Patience = 20 * time.Second

// pause is the interval between two looks at a condition.
func pause() {
	timer := time.NewTimer(10 * time.Millisecond)
	<-timer.C
}

// Within says whether cond came to hold before d was over.
func Within(d time.Duration, cond func() bool) bool {
	deadline := time.Now().Add(d)
	for !cond() {
		if time.Now().After(deadline) {
			return false
		}
		pause()
	}
	return true
}

// Eventually fails the test if cond does not come to hold. state is asked for
// the last thing seen.
func Eventually(t testing.TB, what string, cond func() bool, state func() string) {
	t.Helper()
	if !Within(Patience, cond) {
		t.Errorf("not so after %v: %s (%s)", Patience, what, state())
	}
}
