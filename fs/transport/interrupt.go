package transport

import "sync"

// interruptedBit marks request.running once its cancel channel was closed.
// The kernel's unique numbers are even (fs/fuse/fuse_dev_i.h, FUSE_REQ_ID_STEP).
const interruptedBit = 1

// interrupts knows the requests of all workers, so that INTERRUPT can find the
// one it means. Requests are added and removed with their workers, not with
// each message: begin and end cost one atomic operation each.
type interrupts struct {
	mu   sync.Mutex            // before turns.mu
	live map[*request]struct{} // guarded by mu
}

func (t *interrupts) add(r *request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live == nil {
		t.live = make(map[*request]struct{})
	}
	t.live[r] = struct{}{}
}

func (t *interrupts) remove(r *request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, r)
}

// begin makes r interruptible, if it is not yet.
func (t *interrupts) begin(r *request) {
	if u := r.header().Unique; u&interruptedBit == 0 && r.running.Load() == 0 {
		r.running.Store(u)
	}
}

// interrupted says whether nobody waits for r any more.
func (r *request) interrupted() bool { return r.running.Load()&interruptedBit != 0 }

// end makes r uninterruptible again and its cancel channel an open one.
func (t *interrupts) end(r *request) {
	if r.running.Swap(0)&interruptedBit == 0 {
		return
	}
	// The bit is set under mu, before the channel is closed.
	t.mu.Lock()
	defer t.mu.Unlock()
	r.cancel = make(chan struct{})
}

// interrupt cancels the request with this unique number, and says whether there is one.
func (t *interrupts) interrupt(unique uint64) bool {
	if unique == 0 || unique&interruptedBit != 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := range t.live {
		if r.running.Load() == unique|interruptedBit || t.cancelLocked(r, unique) {
			return true
		}
	}
	return false
}

// cancelAll cancels every running request.
func (t *interrupts) cancelAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := range t.live {
		if u := r.running.Load(); u != 0 && u&interruptedBit == 0 {
			t.cancelLocked(r, u)
		}
	}
}

func (t *interrupts) cancelLocked(r *request, unique uint64) bool {
	if !r.running.CompareAndSwap(unique, unique|interruptedBit) {
		return false
	}
	close(r.cancel)
	if r.cancels { // set before running
		r.turns.hurry(&r.turn)
	}
	return true
}
