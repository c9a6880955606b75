package fs

import (
	"sync"
	"sync/atomic"
)

// limbo is for inodes without name and handle that the kernel still knows, and nothing counts any more.
//
// FORGET comes milliseconds after a caller has removed a file, and what he removed is to make room at once. But
// who has removed files open with O_PATH keeps them in the daemon, as many as he has descriptors: what would be
// too many stays counted until the kernel forgets it, as on tmpfs.
//
// Of what the tree removes by itself the kernel is not always told (see notifier), and then knows it for as long
// as it has memory. The oldest of too many leave the table: whoever still has one gets ESTALE. An id never comes
// again, so that a late FORGET finds nothing.
type limbo struct {
	uncounted atomic.Int64 // what callers removed

	mu     sync.Mutex
	buried []uint64 // ids of what the tree removed, a ring of mostLimbo; guarded by mu
	oldest int      // in buried, once it is full; guarded by mu
}

const mostLimbo = 1 << 13 // inodes, of each

// enterLocked says what becomes of n, which has lost its last name and handle or is forgotten by the kernel: that
// it is not counted any more, and that it is to be buried.
// Precondition: n.mu is held. n.vanished is what it was before.
func (l *limbo) enterLocked(n *inode) (uncount, bury bool) {
	switch {
	case n.freed:
		if n.limbo {
			l.uncounted.Add(-1)
		}
	case !n.charged:
		return false, false
	case n.vanished:
		bury = true
	case l.uncounted.Add(1) <= mostLimbo:
		n.limbo = true
	default:
		l.uncounted.Add(-1)
		return false, false
	}
	uncount = n.charged
	n.charged = false
	return uncount, bury
}

// bury remembers n in the place of the oldest.
func (f *FS) bury(n *inode) {
	old := f.nodes.get(f.limbo.bury(n.id))
	if old == nil {
		return
	}
	old.mu.Lock()
	freed := old.freed
	old.freed = true
	old.mu.Unlock()
	if !freed {
		f.nodes.remove(old)
	}
}

// bury returns the id that has to leave, or 0.
func (l *limbo) bury(id uint64) (old uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.buried) < mostLimbo {
		l.buried = append(l.buried, id)
		return 0
	}
	old, l.buried[l.oldest] = l.buried[l.oldest], id
	l.oldest = (l.oldest + 1) % mostLimbo
	return old
}
