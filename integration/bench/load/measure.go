package load

import (
	"slices"
	"time"
)

// A work is a prepared operation.
type work struct {
	// step does the operation once, or units of it.
	step  func() error
	units int64
	// single asks for the time of each step alone, by measureSingle.
	single bool
	// before and after belong to a step but not to its time; without them steps run back to back.
	before, after func() error
}

// clockEvery is how many short steps are done between two looks at the clock,
// which cost about 50 ns each.
const clockEvery = 16

// measure repeats the step for the time of a sample, at least once.
func (w *work) measure(sample time.Duration) (units int64, elapsed time.Duration, err error) {
	if w.before != nil || w.after != nil {
		return w.measureEach(sample)
	}
	n := clockEvery
	if w.units > 1 {
		n = 1
	}
	start := time.Now()
	for elapsed < sample || units == 0 {
		for range n {
			if err := w.step(); err != nil {
				return 0, 0, err
			}
		}
		units += int64(n) * max(w.units, 1)
		elapsed = time.Since(start)
	}
	return units, elapsed, nil
}

// repeat does so many steps, whatever they take.
func (w *work) repeat(steps int) (units int64, elapsed time.Duration, err error) {
	for range steps {
		u, e, err := w.measureEach(0)
		if err != nil {
			return 0, 0, err
		}
		units, elapsed = units+u, elapsed+e
	}
	return units, elapsed, nil
}

// latenciesMost is more steps than a sample has time for, and bounds their memory.
const latenciesMost = 1 << 20

// measureSingle takes the time of each step and finds the median, after a quarter of the sample's
// time for a warm-up.
func (w *work) measureSingle(sample time.Duration) (units int64, elapsed, median time.Duration, err error) {
	latencies := make([]time.Duration, latenciesMost)
	clear(latencies) // so that the loop has no page faults
	for start := time.Now(); time.Since(start) < sample/4; {
		if err := w.step(); err != nil {
			return 0, 0, 0, err
		}
	}
	n, begin := 0, time.Now()
	for start := begin; n == 0 || n < len(latencies) && start.Sub(begin) < sample; n++ {
		if err := w.step(); err != nil {
			return 0, 0, 0, err
		}
		end := time.Now()
		latencies[n], start = end.Sub(start), end
		elapsed += latencies[n]
	}
	slices.Sort(latencies[:n])
	return int64(n), elapsed, latencies[n/2], nil
}

// eachMost is how many times a sample's time steps with what belongs to them may take: an unlink is much shorter than
// writing what it removes.
const eachMost = 4

// measureEach takes the time of each step alone.
func (w *work) measureEach(sample time.Duration) (units int64, elapsed time.Duration, err error) {
	for begin := time.Now(); units == 0 || elapsed < sample && time.Since(begin) < eachMost*sample; {
		if w.before != nil {
			if err := w.before(); err != nil {
				return 0, 0, err
			}
		}
		start := time.Now()
		if err := w.step(); err != nil {
			return 0, 0, err
		}
		elapsed += time.Since(start)
		units += max(w.units, 1)
		if w.after != nil {
			if err := w.after(); err != nil {
				return 0, 0, err
			}
		}
	}
	return units, elapsed, nil
}
