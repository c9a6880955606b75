package fs

import (
	"sync/atomic"
	"syscall"
	"time"
)

// reaper removes what was idle for longer than Options.MaxIdle, from a
// goroutine of its own.
type reaper struct {
	idle    atomic.Int64  // Options.MaxIdle, nanoseconds; 0 is never
	changed chan struct{} // has room for one: idle is another
	quit    chan struct{}
	done    chan struct{}
}

// reaperRounds is how many rounds fit in MaxIdle: something idle goes at most
// that fraction late.
const reaperRounds = 10

// setIdle never waits: a round may be under way.
func (r *reaper) setIdle(d time.Duration) {
	if r.idle.Swap(int64(d)) == int64(d) {
		return
	}
	select {
	case r.changed <- struct{}{}:
	default: // not started, or told already
	}
}

func (r *reaper) start(f *FS) {
	r.changed, r.quit, r.done = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	go r.run(f)
}

// run is the reaper's goroutine; stop ends it.
func (r *reaper) run(f *FS) {
	defer close(r.done)
	for {
		idle := r.idle.Load()
		var round <-chan time.Time
		if idle > 0 {
			round = time.After(max(time.Duration(idle)/reaperRounds, time.Millisecond))
		}
		select {
		case <-round:
			f.removeIdle(f.clock.now() - idle)
		case <-r.changed:
		case <-r.quit:
			return
		}
	}
}

// stop may be called more than once, one after the other.
func (r *reaper) stop() {
	if r.quit != nil {
		close(r.quit)
		<-r.done
		r.quit = nil
	}
}

// removeIdle removes what has not changed since then.
func (f *FS) removeIdle(since int64) {
	f.nodes.each(func(n *inode) {
		if n == f.root || n.top || n.magicNode() != nil || !f.retire(n, since) {
			return
		}
		if n.isDir() {
			f.removeDirectory(n)
		} else {
			f.removeNames(n)
		}
		f.dropIfUnused(n)
	})
}

// retire says whether age may remove n: no handle (and so no lock), no mapping, no change
// since then, no policy or sticky bit that keeps it. Nobody can open it any more
// then. A directory changes when its entries do, and stays while it has any.
func (f *FS) retire(n *inode, since int64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opens+n.held > 0 || n.nlink == 0 || n.removal == RemoveKeep || n.mode&syscall.S_ISVTX != 0 {
		return false
	}
	if a := f.attrLocked(n); max(a.mtime.Nanos(), a.ctime.Nanos()) >= since || f.lentLocked(n) {
		return false
	}
	if !n.isDir() {
		n.vanished = true
	}
	return true
}

// lentLocked says whether n, which has no handle, may still be mapped past the daemon
// (fs/fuse/passthrough.c, fuse_passthrough_mmap).
// Precondition: n.mu is held.
func (f *FS) lentLocked(n *inode) bool {
	return f.direct && n.file != nil && n.typ == syscall.S_IFREG && !n.settledLocked()
}
