package fs

import (
	"log/slog"
	"sync"
)

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
	log *slog.Logger // constant

	mu      sync.Mutex
	changed sync.Cond
	queue   notices // guarded by mu
	stopped bool    // guarded by mu
	lost    bool    // guarded by mu: that the queue was full is logged
	done    chan struct{}
}

// notices are what the kernel is to be told next.
type notices struct {
	names   []notice
	parents map[uint64]struct{} // directories whose listing changed
}

// Should the notifier have to wait, no more than this is remembered: a caller can hold the lock of a directory
// for as long as he likes, if what he lists it into is memory that somebody else has to fill. Of names that are
// too many the kernel may then show some that are gone, until they are opened.
const (
	mostNotices = 1 << 14
	mostParents = 1 << 16
)

// A notice is a name that is gone, or names that may not be used any more.
type notice struct {
	parent, child uint64 // without a child only the listing of parent is another, and the names in expire end
	name          string
	expire        *directory // nil: none
	cached        bool       // the kernel may remember the name
	open          bool       // child has handles, whose holders see its link count
}

func (q *notifier) start(k Kernel, log *slog.Logger) {
	q.log = log
	q.changed.L = &q.mu
	q.done = make(chan struct{})
	go q.run(k)
}

// run is the notifier's goroutine; stop ends it.
func (q *notifier) run(k Kernel) {
	defer close(q.done)
	for {
		q.mu.Lock()
		for len(q.queue.parents) == 0 && !q.stopped {
			q.changed.Wait()
		}
		batch := q.queue
		q.queue = notices{}
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
func (q *notifier) tell(k Kernel, batch notices) {
	for _, n := range batch.names {
		switch {
		case n.expire != nil:
			for _, name := range n.expire.names() {
				_ = k.ExpireEntry(n.parent, name)
			}
		case n.cached:
			_ = k.DeleteEntry(n.parent, n.child, n.name)
		}
		if n.open {
			_ = k.InvalInode(n.child, -1, 0)
		}
	}
	for parent := range batch.parents {
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
	full := !q.queue.add(n)
	q.changed.Signal()
	if full && !q.lost {
		q.lost = true
		q.log.Warn("the kernel takes no note of what is removed, and may show names that are gone; somebody holds a directory")
	}
}

// add says whether there was room.
func (q *notices) add(n notice) bool {
	if q.parents == nil {
		q.parents = make(map[uint64]struct{})
	}
	if len(q.parents) >= mostParents || len(q.names) >= mostNotices {
		return false
	}
	q.parents[n.parent] = struct{}{}
	if n.cached || n.open || n.expire != nil {
		q.names = append(q.names, n)
	}
	return true
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
