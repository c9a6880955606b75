package fs

import (
	"sync"
	"time"
)

// uncacheEvery is the least time between two rounds of an uncacher: it bounds what somebody costs who reads holes
// that are forgotten again, and lets him who reads them in small pieces have most of them from the page cache. The
// first round waits a little for the replies to be sent, since the pages are locked until then.
const (
	uncacheEvery = time.Millisecond
	uncacheFirst = 100 * time.Microsecond
)

// An uncacher has the kernel forget pages and attributes that it should not rely on, from a goroutine of its own:
// forgetting a page waits for the page's lock, which a request that we have not answered holds (mm/truncate.c,
// invalidate_inode_pages2_range). That wait ends for no signal. So a daemon that gets SIGKILL meanwhile keeps its
// descriptors, and who waits for that request hangs, until somebody aborts the connection.
type uncacher struct {
	mu      sync.Mutex
	changed sync.Cond
	queue   map[uint64]extent // by node; without any length it is the attributes alone; guarded by mu
	stopped bool              // guarded by mu
	quit    chan struct{}
	done    chan struct{}
}

func (u *uncacher) start(k Kernel) {
	u.changed.L = &u.mu
	u.queue = map[uint64]extent{}
	u.quit, u.done = make(chan struct{}), make(chan struct{})
	go u.run(k)
}

// run is the uncacher's goroutine; stop ends it.
func (u *uncacher) run(k Kernel) {
	defer close(u.done)
	pause := time.NewTimer(0)
	defer pause.Stop()
	wait := func(d time.Duration) {
		pause.Reset(d)
		select {
		case <-pause.C:
		case <-u.quit:
		}
	}
	for {
		if !u.await() {
			return
		}
		wait(uncacheFirst)
		for node, e := range u.take() {
			if e.length == 0 {
				e.off = -1
			}
			_ = k.InvalInode(node, e.off, e.length)
		}
		wait(uncacheEvery)
	}
}

// await reports, once there is something in the queue, that the uncacher is not stopped.
func (u *uncacher) await() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.queue) == 0 && !u.stopped {
		u.changed.Wait()
	}
	return !u.stopped
}

func (u *uncacher) take() map[uint64]extent {
	u.mu.Lock()
	defer u.mu.Unlock()
	batch := u.queue
	u.queue = map[uint64]extent{}
	return batch
}

// forget has the kernel forget an extent of a node and its attributes, soon.
func (u *uncacher) forget(node uint64, e extent) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.stopped || u.done == nil {
		return
	}
	u.queue[node] = u.queue[node].cover(e)
	u.changed.Signal()
}

// stop is idempotent.
func (u *uncacher) stop() {
	u.mu.Lock()
	if u.done == nil || u.stopped {
		u.mu.Unlock()
		return
	}
	u.stopped = true
	close(u.quit)
	u.changed.Signal()
	u.mu.Unlock()
	<-u.done
}
