package transport

import (
	"testing"
	"time"
)

// A madeUp machine says how long a window lasts, where the caller is and so how
// often a reader is sent to it.
type madeUp struct {
	free, follow time.Duration // a window
	hopEvery     int           // windows with the reader at the caller, 0 for never
}

// run lets a trial go on for n windows: how many had the reader at the caller,
// and how long all of them took.
func (m madeUp) run(n int) (with int, took time.Duration) {
	var tr trial
	now := time.Unix(1, 0)
	place, caller := int32(anywhere), int32(0)
	for range n {
		before := place
		place = tr.next(now, func() int32 { return caller })
		if place != before && place != anywhere {
			now = now.Add(calmPause)
		}
		switch {
		case place == anywhere:
			now = now.Add(m.free)
			continue
		case place == caller:
			now = now.Add(m.follow)
		default:
			now = now.Add(2 * m.free)
		}
		with++
		if m.hopEvery != 0 && with%m.hopEvery == 0 {
			caller = 1 - caller
		}
	}
	return with, now.Sub(time.Unix(1, 0))
}

func TestTrial(t *testing.T) {
	const n = 10000
	for name, c := range map[string]struct {
		madeUp
		least, most int // windows with the reader at the caller
	}{
		"following pays":             {madeUp{200 * time.Microsecond, 50 * time.Microsecond, 0}, n * 98 / 100, n},
		"following is even":          {madeUp{200 * time.Microsecond, 200 * time.Microsecond, 0}, trialWindows, n * 10 / 100},
		"following hurts":            {madeUp{200 * time.Microsecond, 600 * time.Microsecond, 0}, trialWindows, n * 5 / 100},
		"the caller moves sometimes": {madeUp{200 * time.Microsecond, 50 * time.Microsecond, 50}, n * 95 / 100, n},
		"the caller never stays":     {madeUp{200 * time.Microsecond, 50 * time.Microsecond, 3}, trialWindows, n * 10 / 100},
	} {
		t.Run(name, func(t *testing.T) {
			with, took := c.run(n)
			if with < c.least || with > c.most {
				t.Errorf("%d windows of %d with the reader at the caller", with, n)
			}
			if plain := n * c.free; took > plain+plain/20 {
				t.Errorf("it took %v, %v without", took, plain)
			}
		})
	}
}

// TestTrialRepeats: what was found once is not taken for granted.
func TestTrialRepeats(t *testing.T) {
	var tr trial
	now, place, left := time.Unix(1, 0), int32(anywhere), 0
	for range 3 * (maxRounds + 2) * trialWindows {
		before := place
		if place = tr.next(now, func() int32 { return 0 }); place == anywhere && before != anywhere {
			left++
		}
		now = now.Add(200 * time.Microsecond)
		if place != anywhere {
			now = now.Add(-150 * time.Microsecond)
		}
	}
	if left < 2 {
		t.Errorf("%d trials after the first", left)
	}
}
