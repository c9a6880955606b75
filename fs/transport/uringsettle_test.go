package transport

import (
	"testing"
	"time"
)

// A hopper is a made-up machine with two CPUs and one caller, who hops or not.
type hopper struct {
	settler
	visits  [2]visit
	now     time.Time
	queue   uint32
	hopping bool
	paused  time.Duration
}

// request is one of the caller's, which takes a time that depends on whether it hops.
func (h *hopper) request(caller uint32, calm, hop time.Duration) (pause time.Duration) {
	took := calm
	if h.hopping {
		took = hop
		h.queue = 1 - h.queue
	}
	h.now = h.now.Add(took)
	pause = h.pause(&h.visits[h.queue], caller, h.queue, func() time.Time { return h.now })
	h.paused += pause
	h.now = h.now.Add(pause)
	return pause
}

// TestSettler lets pauses that are long enough end the hopping, for as many
// requests as a made-up machine says.
func TestSettler(t *testing.T) {
	const us = time.Microsecond
	for name, c := range map[string]struct {
		calm, hop time.Duration // of a request
		enough    time.Duration // pause
		lasts     int           // requests without hopping after it
		atMost    time.Duration // that requests take, mean
		pauses    bool          // there are more than a few
	}{
		"pauses help":             {4 * us, 35 * us, 0, 1000, 6 * us, true},
		"only long ones help":     {4 * us, 35 * us, 500 * us, 1000, 7 * us, true},
		"pauses do not help":      {4 * us, 35 * us, time.Hour, 0, 36 * us, false},
		"pauses do not last":      {4 * us, 35 * us, 0, 8, 36 * us, false},
		"hopping costs little":    {4 * us, 5 * us, 0, 500, 6 * us, false},
		"a caller takes its time": {2000 * us, 2035 * us, 0, 1000, 2040 * us, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := &hopper{now: time.Unix(1, 0), hopping: true}
			begin, left, few := h.now, 0, time.Duration(0)
			const requests = 1_000_000
			for range requests {
				pause := h.request(7, c.calm, c.hop)
				switch {
				case pause > 0 && pause >= c.enough:
					left = c.lasts
				case left > 0:
					left--
				}
				h.hopping = left == 0
			}
			took := h.now.Sub(begin)
			if mean := took / requests; mean > c.atMost {
				t.Errorf("a request takes %v, want %v at most", mean, c.atMost)
			}
			if few = took / 50; (h.paused > few) != c.pauses {
				t.Errorf("%v of %v were pauses", h.paused, took)
			}
		})
	}
}

// TestSettlerSeveral: requests of several callers are never delayed.
func TestSettlerSeveral(t *testing.T) {
	h := &hopper{now: time.Unix(1, 0), hopping: true}
	for i := range uint32(100_000) {
		h.request(7+i/3%2, 4*time.Microsecond, 35*time.Microsecond)
	}
	if h.paused > 0 {
		t.Errorf("paused for %v", h.paused)
	}
	// Nor those that nobody waits for.
	for range 100_000 {
		h.request(0, 4*time.Microsecond, 35*time.Microsecond)
	}
	if h.paused > 0 {
		t.Errorf("paused for %v where nobody waits", h.paused)
	}
}

// TestSettlerNext: another caller, for whom pauses are wrong, is not left with them.
func TestSettlerNext(t *testing.T) {
	h := &hopper{now: time.Unix(1, 0), hopping: true}
	calm := 0
	for range 1_000_000 {
		if h.request(7, 4*time.Microsecond, 35*time.Microsecond) > 0 {
			calm = 1000
		}
		calm--
		h.hopping = calm < 0
	}
	if h.length.Load() == 0 {
		t.Fatal("no pauses for the first one")
	}
	h.hopping = true
	before, begin := h.paused, h.now
	for range 100_000 {
		h.request(8, 4*time.Microsecond, 35*time.Microsecond)
	}
	if paused := h.paused - before; paused > h.now.Sub(begin)/10 {
		t.Errorf("paused for %v of %v", paused, h.now.Sub(begin))
	}
}
