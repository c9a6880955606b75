package fs

import "sync"

// notifier tells the kernel what the tree removed by itself, from a goroutine
// of its own.
//
// For a name that the kernel may remember it takes the directory's lock, which a
// caller that waits for us may hold (fs/fuse/dev.c, fuse_notify_delete), and
// should the daemon be killed while it waits for that lock, both wait until the
// mount is forced off. So it is told of few: where the tree removes much by itself,
// names are given to the kernel for a moment or not at all.
//
// Expiring all names at once (FUSE_NOTIFY_INC_EPOCH, Linux 6.17) takes no lock, but
// whichever of them the kernel meets next it drops, and with it what is mounted there
// or below (fs/dcache.c, d_invalidate), whoever mounted it.
type notifier struct {
	mu      sync.Mutex
	changed sync.Cond
	queue   []notice // guarded by mu
	stopped bool     // guarded by mu
	done    chan struct{}
}

// A notice is a name that is gone, or that may not be used any more.
type notice struct {
	parent, child uint64 // child 0: only expire the name
	name          string
	cached        bool // the kernel may remember the name
	open          bool // child has handles, whose holders see its link count
}

func (q *notifier) start(k Kernel) {
	q.changed.L = &q.mu
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
	parents := make(map[uint64]struct{})
	for _, n := range batch {
		parents[n.parent] = struct{}{}
		switch {
		case !n.cached:
		case n.child != 0:
			_ = k.DeleteEntry(n.parent, n.child, n.name)
		default:
			_ = k.ExpireEntry(n.parent, n.name)
		}
		if n.open {
			_ = k.InvalInode(n.child, -1, 0)
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
