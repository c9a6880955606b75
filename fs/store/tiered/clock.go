package tiered

import "sync"

// heatMost is how many rounds of the clock a chunk can be kept for.
const heatMost = 3

// A clock orders what is in memory by how cold it is: a ring with a hand that cools what
// it passes and stops at what is cold. New entries are passed last.
type clock struct {
	mu   sync.Mutex
	hand *resident // nil: empty
	n    int
}

func (c *clock) add(r *resident) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if c.hand == nil {
		r.prev, r.next, c.hand = r, r, r
		return
	}
	r.prev, r.next = c.hand.prev, c.hand
	r.prev.next, r.next.prev = r, r
}

func (c *clock) remove(r *resident) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	if c.hand == r {
		c.hand = r.next
	}
	if c.n == 0 {
		c.hand = nil
	}
	r.prev.next, r.next.prev = r.next, r.prev
	r.prev, r.next = nil, nil
}

// pick is a cold chunk, or nil if there is none. The hand moves on, so that the next pick is
// another one.
func (c *clock) pick() *chunk {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range (heatMost + 1) * c.n {
		r := c.hand
		c.hand = r.next
		heat := r.heat.Load()
		if heat == 0 {
			return r.chunk
		}
		r.heat.CompareAndSwap(heat, heat-1) // a reader that warms it meanwhile wins
	}
	return nil
}

// sweep is the chunk at the hand, hot or not, which moves on; nil if there is none.
func (c *clock) sweep() *chunk {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hand == nil {
		return nil
	}
	r := c.hand
	c.hand = r.next
	return r.chunk
}

func (c *clock) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// warm makes the clock pass r by once more.
func (r *resident) warm() {
	if heat := r.heat.Load(); heat < heatMost {
		r.heat.CompareAndSwap(heat, heat+1)
	}
}
