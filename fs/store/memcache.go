package store

import "sync"

// A handleCache knows every handle: those of open files, the idle ones of recently closed files,
// and the ready ones of empty files for New. It makes no system call; what has to be released is
// handed to the caller, out of every list.
type handleCache struct {
	// Immutable.
	maxIdle   int
	maxReady  int // kept when files are freed
	fillReady int // kept up by the filler

	mu     sync.Mutex
	budget int        // descriptors; guarded by mu
	held   int        // descriptors; guarded by mu
	open   handleList // guarded by mu
	idle   handleList // most recently closed first; guarded by mu
	ready  []*handle  // last in, first out: its memory is warm; guarded by mu
	closed bool       // guarded by mu
}

// newHandleCache makes an empty cache for that many descriptors.
func newHandleCache(budget int) *handleCache {
	return &handleCache{
		budget:    budget,
		maxIdle:   min(1024, budget/4),
		maxReady:  min(256, budget/4),
		fillReady: min(128, budget/8),
	}
}

// takeReady gives f a ready handle, or nil; low says that more should be made.
func (c *handleCache) takeReady(f *memFile) (h *handle, low bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.ready)
	low = n < c.fillReady/2
	if n == 0 {
		return nil, low
	}
	h = c.ready[n-1]
	c.ready[n-1] = nil
	c.ready = c.ready[:n-1]
	h.file = f
	c.open.push(h)
	return h, low
}

// wantsReady says whether the filler has to make one more.
func (c *handleCache) wantsReady() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ready) < c.fillReady && c.held < c.budget && !c.closed
}

// offer makes a handle in no list ready; false if there are enough, or it has no descriptor.
func (c *handleCache) offer(h *handle) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.fd < 0 || c.closed || len(c.ready) >= c.maxReady {
		return false
	}
	h.file = nil
	c.ready = append(c.ready, h)
	return true
}

// adopt takes in the handle of a file that was just opened.
func (c *handleCache) adopt(h *handle, f *memFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h.file = f
	c.open.push(h)
}

// reopen makes an idle handle one of an open file; false if it was evicted.
func (c *handleCache) reopen(h *handle) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.list != &c.idle {
		return false
	}
	c.idle.remove(h)
	c.open.push(h)
	return true
}

// park makes the handle of an open file idle. It returns a handle to evict, the same one
// if it has no descriptor.
func (c *handleCache) park(h *handle) (victim *handle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open.remove(h)
	if h.fd < 0 {
		return h
	}
	c.idle.push(h)
	if c.idle.len > c.maxIdle {
		return c.idle.pop()
	}
	return nil
}

// takeIdle takes a closed file's handle out; false if it was evicted.
func (c *handleCache) takeIdle(h *handle) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.list != &c.idle {
		return false
	}
	c.idle.remove(h)
	return true
}

// takeOldest takes out the handle that was idle longest; nil if none is.
func (c *handleCache) takeOldest() *handle {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.idle.pop()
}

// takeSpare takes out the handle that was idle longest, or else a ready one; nil if there is none. From
// then on there are fewer descriptors, so that it is not made again at once.
func (c *handleCache) takeSpare() *handle {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.idle.pop()
	if n := len(c.ready); h == nil && n > 0 {
		h, c.ready[n-1] = c.ready[n-1], nil
		c.ready = c.ready[:n-1]
	}
	if h != nil && c.budget > leastBudget {
		c.budget--
	}
	return h
}

// reserve counts one more descriptor, if need be in the place of an idle one, which is to be evicted.
func (c *handleCache) reserve() (ok bool, victim *handle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held >= c.budget {
		if victim = c.idle.pop(); victim == nil {
			return false, nil
		}
	}
	c.held++
	return true, victim
}

// unreserve takes a reservation back, if there was one.
func (c *handleCache) unreserve(reserved bool) {
	if !reserved {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held--
}

// close ends the cache and returns every handle there is.
func (c *handleCache) close() (all []*handle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	all = c.ready
	c.ready = nil
	for _, l := range []*handleList{&c.open, &c.idle} {
		for h := l.pop(); h != nil; h = l.pop() {
			all = append(all, h)
		}
	}
	return all
}

// A handleList is a doubly linked list that costs nothing to move between. Guarded by handleCache.mu.
type handleList struct {
	first, last *handle
	len         int
}

// push puts a handle that is in no list first.
func (l *handleList) push(h *handle) {
	h.list, h.prev, h.next = l, nil, l.first
	if l.first != nil {
		l.first.prev = h
	} else {
		l.last = h
	}
	l.first = h
	l.len++
}

// remove takes out a handle of this list.
func (l *handleList) remove(h *handle) {
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		l.first = h.next
	}
	if h.next != nil {
		h.next.prev = h.prev
	} else {
		l.last = h.prev
	}
	h.list, h.prev, h.next = nil, nil, nil
	l.len--
}

// pop takes out the last; nil if there is none.
func (l *handleList) pop() *handle {
	h := l.last
	if h != nil {
		l.remove(h)
	}
	return h
}
