package load

import (
	"errors"
	"testing"
	"time"
)

// TestMeasureSingle: the median ignores the step that is much longer than the others, the mean does not,
// and neither knows the warm-up.
func TestMeasureSingle(t *testing.T) {
	const sample = 40 * time.Millisecond
	steps, long := 0, 0
	w := work{single: true, step: func() error {
		wait := 100 * time.Microsecond
		if steps++; steps%20 == 0 {
			wait, long = 4*time.Millisecond, long+1
		}
		for start := time.Now(); time.Since(start) < wait; {
		}
		return nil
	}}
	units, elapsed, median, err := w.measureSingle(sample)
	if err != nil {
		t.Fatal(err)
	}
	if mean := elapsed / time.Duration(units); median < 100*time.Microsecond || mean < 2*median && long > 1 {
		t.Errorf("median %v, mean %v", median, mean)
	}
	if units < 1 || int(units) >= steps {
		t.Errorf("%d steps counted of %d", units, steps)
	}
}

func TestMeasureSingleFails(t *testing.T) {
	failure := errors.New("failure")
	w := work{single: true, step: func() error { return failure }}
	if _, _, _, err := w.measureSingle(time.Millisecond); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}
