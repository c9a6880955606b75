package fs

import (
	"slices"
	"sync"
)

// notifier tells the kernel what the tree removed by itself, from a goroutine
// of its own.
//
// Names are expired all at once, which takes no lock in the kernel; whoever
// uses one asks again. Only where the kernel cannot do that (before Linux 6.17)
// each is deleted: the kernel then takes the directory's lock, which a caller
// that waits for us may hold (fs/fuse/dev.c, fuse_notify_delete), and should
// the daemon be killed while it waits for that lock, both wait until the mount
// is forced off.
type notifier struct {
	expires bool // the kernel can expire names; immutable after start

	mu      sync.Mutex
	changed sync.Cond
	queue   []notice // guarded by mu
	stopped bool     // guarded by mu
	done    chan struct{}
}

// A notice is a name that is gone.
type notice struct {
	parent, child uint64 // child 0: only drop the name
	name          string
	cached        bool // the kernel may remember the name
}

func (q *notifier) start(k Kernel) {
	q.changed.L = &q.mu
	q.expires = k.ExpireEntries() == nil
	q.done = make(chan struct{})
	go q.run(k)
}

// run is the notifier's goroutine; stop ends it.
func (q *notifier) run(k Kernel) {
	defer close(q.done)
	for {
		q.mu.Lock()
		for len(q.queue) == 0 && !q.stopped {
			q.changed.Wait()
		}
		batch := q.queue
		q.queue = nil
		stopped := q.stopped
		q.mu.Unlock()
		if stopped {
			return
		}
		q.tell(k, batch)
	}
}

// tell ignores errors: the kernel says ENOENT for what it has not cached, and
// ENOTCONN at the end.
func (q *notifier) tell(k Kernel, batch []notice) {
	expired := !slices.ContainsFunc(batch, func(n notice) bool { return n.cached }) || q.expires && k.ExpireEntries() == nil
	parents := make(map[uint64]struct{})
	for _, n := range batch {
		parents[n.parent] = struct{}{}
		switch {
		case expired:
		case n.child != 0:
			_ = k.DeleteEntry(n.parent, n.child, n.name)
		default:
			_ = k.InvalEntry(n.parent, n.name)
		}
	}
	for parent := range parents {
		// Its pages are a listing that the kernel remembers (fs/fuse/readdir.c, fuse_readdir_cached).
		_ = k.InvalInode(parent, 0, 0)
	}
}

func (q *notifier) send(n notice) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped || q.done == nil {
		return
	}
	q.queue = append(q.queue, n)
	q.changed.Signal()
}

// stop is idempotent; notices not sent yet are dropped, as it comes at the end
// of the mount.
func (q *notifier) stop() {
	q.mu.Lock()
	started := q.done != nil
	q.stopped = true
	if started {
		q.changed.Signal()
	}
	q.mu.Unlock()
	if started {
		<-q.done
	}
}
