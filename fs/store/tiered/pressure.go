package tiered

import (
	"context"
	"time"
)

// A hand holds frames that an operation has taken. They are used in order, so that neighbours stay
// neighbours.
type hand struct {
	frames [chunkPages]frame
	used   int
	n      int // taken, those used included
}

func (h *hand) pop() frame {
	h.used++
	return h.frames[h.used-1]
}

// left are the frames that were not used.
func (h *hand) left() []frame { return h.frames[h.used:h.n] }

// pauseMost is the longest that a write of a chunk is held up while there still is memory.
const pauseMost = 5 * time.Millisecond

// acquire adds to h so that it has n frames, leaving mark available. It waits as long as the
// spill gets on; the error is why it does not. No lock is held by the caller.
func (s *Store) acquire(h *hand, n, mark int) error {
	p := s.pool
	seen := uint64(0)
	for first := true; h.n < n; first = false {
		p.mu.Lock()
		if first {
			seen = p.attempts
		}
		if p.takeLocked(h.frames[h.n:n], mark) {
			h.n = n
			p.mu.Unlock()
			break
		}
		if p.failed > seen {
			defer p.mu.Unlock()
			return p.failure
		}
		p.waiters++
		changed := p.changed
		p.mu.Unlock()
		s.spiller.wake()
		select {
		case <-changed:
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
	return nil
}

// throttle holds a writer up, the longer the less memory is available, but no longer than
// until there is enough. It is what makes a writer that is faster than the disk slow down before
// it has to stop.
func (s *Store) throttle() {
	p := s.pool
	var timer *time.Timer
	for {
		p.mu.Lock()
		missing := p.marks.low - p.availableLocked()
		if missing <= 0 || p.failed == p.attempts {
			p.mu.Unlock()
			return
		}
		p.waiters++
		changed := p.changed
		p.mu.Unlock()
		if timer == nil {
			timer = time.NewTimer(pauseMost * time.Duration(min(missing, p.marks.low)) / time.Duration(p.marks.low))
			defer timer.Stop()
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		case <-s.ctx.Done():
			return
		}
	}
}
