package transport

import (
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	// maxReaders bounds the threads of the /dev/fuse loop. Requests that may wait for others do
	// not occupy one (pace waits), nor do those that wait for their turn, so that the rest always
	// comes to an end, and the next message is read. All that may go on of turns has one.
	maxReaders = 128
	// maxIdleReaders is what stays asleep in read(2) at most. The kernel wakes
	// readers in turn, so every idle one costs warm caches.
	maxIdleReaders = 16
)

// readers counts the threads of the /dev/fuse loop. What is not needed now is
// parked beside the device: waking it costs less than starting another one.
//
// INVARIANT: 0 <= idle <= total - parked; 0 <= parked <= maxIdle; total <= maxReaders.
type readers struct {
	start   func()       // a reader; immutable while serving
	maxIdle int32        // immutable while serving
	idle    atomic.Int32 // in read(2) or on the way there
	cpus    int          // immutable while serving

	mu     sync.Mutex
	total  int           // guarded by mu
	parked int           // guarded by mu
	wake   chan struct{} // one for each reader that is to leave the park; closed at the end
	over   bool          // guarded by mu: wake is closed
}

func (r *readers) init(start func()) {
	r.start = start
	r.cpus = runtime.GOMAXPROCS(0)
	r.maxIdle = int32(min(max(runtime.GOMAXPROCS(0)+1, 3), maxIdleReaders))
	r.wake = make(chan struct{}, maxReaders)
}

// more wakes or starts a reader, unless there are enough.
func (r *readers) more() {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.over:
	case r.parked > 0:
		r.parked--
		r.idle.Add(1)
		r.wake <- struct{}{}
	case r.total < maxReaders:
		r.total++
		r.idle.Add(1)
		r.start()
	}
}

// leave is called by a reader that got a message. It says whether no other one
// is left to read the next.
func (r *readers) leave() bool { return r.idle.Add(-1) == 0 }

// paceOfBulk is the pace of what is bulky: slow where more readers are answering than there are CPUs.
func (r *readers) paceOfBulk() pace {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.total-r.parked-int(r.idle.Load()) > r.cpus {
		return slow
	}
	return quick
}

// stay has a reader that has answered wait until it is needed for another
// message: at once, if fewer than limit are idle. false: it is not needed.
func (r *readers) stay(limit int32) bool {
	for {
		n := r.idle.Load()
		if n >= limit {
			return r.park()
		}
		if r.idle.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// park sleeps until the reader is needed, which then counts as idle.
func (r *readers) park() bool {
	r.mu.Lock()
	if r.over || r.parked >= int(r.maxIdle) {
		r.mu.Unlock()
		return false
	}
	r.parked++
	r.mu.Unlock()
	_, ok := <-r.wake
	return ok
}

// dismiss lets the parked readers go: nothing more is to be read.
func (r *readers) dismiss() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.over = true
		close(r.wake)
	}
}

// last says whether the calling reader is the only one.
func (r *readers) last() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total == 1
}

// gone is the end of a reader.
func (r *readers) gone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total--
}
