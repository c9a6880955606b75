package store

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestCoarseNow: it is the kernel's coarse clock at each moment.
func TestCoarseNow(t *testing.T) {
	seen := map[int64]bool{}
	for len(seen) < 20 { // ticks
		before, err := clockOf(unix.CLOCK_REALTIME_COARSE)
		if err != nil {
			t.Fatal(err)
		}
		got := CoarseNow()
		after, _ := clockOf(unix.CLOCK_REALTIME_COARSE)
		if got < before || got > after {
			t.Fatalf("%d, but the clock went from %d to %d", got, before, after)
		}
		seen[got] = true
	}
}

func BenchmarkCoarseNow(b *testing.B) {
	for b.Loop() {
		CoarseNow()
	}
}
