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
func (h *hopper) request(caller uint32, calm, hop time.Duration) {
	took := calm
	if h.hopping {
		took = hop
		h.queue = 1 - h.queue
	}
	h.now = h.now.Add(took)
	pause := h.pause(&h.visits[h.queue], caller, h.queue, func() time.Time { return h.now })
	h.paused += pause
	h.now = h.now.Add(pause)
}

// TestSettler lets pauses end the hopping, for as long as a made-up machine says.
func TestSettler(t *testing.T) {
	const us = time.Microsecond
	for name, c := range map[string]struct {
		calm, hop time.Duration // of a request
		lasts     int           // requests without hopping after a pause
		atMost    time.Duration // that requests take, mean
		pauses    bool          // there are more than a few
	}{
		"pauses help":              {4 * us, 35 * us, 1000, 8 * us, true},
		"pauses do not help":       {4 * us, 35 * us, 0, 36 * us, false},
		"pauses do not last":       {4 * us, 35 * us, 20, 36 * us, false},
		"hopping costs little":     {4 * us, 5 * us, 500, 6 * us, false},
		"a caller takes its time":  {300 * us, 335 * us, 1000, 336 * us, false},
		"a caller works meanwhile": {100 * us, 135 * us, 10, 138 * us, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := &hopper{now: time.Unix(1, 0), hopping: true}
			begin, left := h.now, 0
			const requests = 100_000
			for range requests {
				before := h.paused
				h.request(7, c.calm, c.hop)
				switch {
				case h.paused > before:
					left = c.lasts
				case left > 0:
					left--
				}
				h.hopping = left == 0
			}
			if mean := h.now.Sub(begin) / requests; mean > c.atMost {
				t.Errorf("a request takes %v, want %v at most", mean, c.atMost)
			}
			if pauses := h.paused / settlePause; pauses > 20 != c.pauses {
				t.Errorf("%d pauses", pauses)
			}
		})
	}
}

// TestSettlerSeveral: requests of several callers are never delayed.
func TestSettlerSeveral(t *testing.T) {
	h := &hopper{now: time.Unix(1, 0), hopping: true}
	for i := range uint32(10_000) {
		h.request(7+i/3%2, 4*time.Microsecond, 35*time.Microsecond)
	}
	if h.paused > 0 {
		t.Errorf("paused for %v", h.paused)
	}
	// Nor those that nobody waits for.
	for range 10_000 {
		h.request(0, 4*time.Microsecond, 35*time.Microsecond)
	}
	if h.paused > 0 {
		t.Errorf("paused for %v where nobody waits", h.paused)
	}
}
