package load

import "time"

// A work is a prepared operation.
type work struct {
	// step does the operation once, or units of it.
	step  func() error
	units int64
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

// measureEach takes the time of each step alone.
func (w *work) measureEach(sample time.Duration) (units int64, elapsed time.Duration, err error) {
	for elapsed < sample || units == 0 {
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
