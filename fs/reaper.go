package fs

import (
	"syscall"
	"time"
)

// reaper removes what was idle for longer than Options.MaxIdle, from a
// goroutine of its own.
type reaper struct {
	quit chan struct{}
	done chan struct{}
}

// reaperRounds is how many rounds fit in MaxIdle: something idle goes at most
// that fraction late.
const reaperRounds = 10

func (r *reaper) start(f *FS) {
	if f.opts.MaxIdle <= 0 {
		return
	}
	r.quit, r.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(r.done)
		t := time.NewTicker(max(f.opts.MaxIdle/reaperRounds, time.Millisecond))
		defer t.Stop()
		for {
			select {
			case <-t.C:
				f.removeIdle(f.clock.now() - int64(f.opts.MaxIdle))
			case <-r.quit:
				return
			}
		}
	}()
}

// stop is idempotent in that it is called once by FS.Close.
func (r *reaper) stop() {
	if r.quit != nil {
		close(r.quit)
		<-r.done
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
