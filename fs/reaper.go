package fs

import (
	"math"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// reaper removes what was idle for longer than Options.MaxIdle, from a
// goroutine of its own.
//
// What is in use is known to the kernel, and counted in lookups: it forgets an inode
// only when nothing refers to its dentries any more, and everything by which something can be used does: handles,
// mappings past the daemon (fs/backing-file.c, backing_file_open: the path of the file as the user opened it),
// working directories, O_PATH, bound sockets, open FIFOs, mount points, what is bind-mounted elsewhere, watches.
// It also remembers what nobody uses, so it is asked to forget that first (FUSE_NOTIFY_PRUNE, Linux 6.18; before,
// it forgets by itself when it needs the memory), and what it still knows then stays. A directory stays, too,
// while the kernel remembers names in it, also missing ones.
//
// A directory that is open protects all below it, as it may be locked (systemd-tmpfiles(8)).
type reaper struct {
	idle    atomic.Int64  // Options.MaxIdle, nanoseconds; 0 is never
	changed chan struct{} // has room for one: idle is another
	quit    chan struct{}
	done    chan struct{}

	cannotPrune bool // only of the goroutine: the kernel does not forget when it is asked to
}

// reaperRounds is how many rounds fit in MaxIdle: something idle goes at most
// that fraction late.
const reaperRounds = 10

// forgetTime is how long FORGET may take to come after the kernel was asked to forget. It has sent it by
// then (fs/fuse/inode.c, fuse_evict_inode), so what is longer serves a busy daemon.
const forgetTime = 100 * time.Millisecond

// forgetFirst is after how long that is looked at first.
const forgetFirst = 500 * time.Microsecond

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
		idle := time.Duration(r.idle.Load())
		pause := max(idle/reaperRounds, time.Millisecond)
		var round <-chan time.Time
		if idle > 0 {
			round = time.After(pause)
		}
		select {
		case <-round:
			if !r.round(f, min(pause, forgetTime)) {
				return
			}
		case <-r.changed:
		case <-r.quit:
			return
		}
	}
}

// round removes what is idle, waiting as long for the kernel to forget. It reports whether to go on.
func (r *reaper) round(f *FS, patience time.Duration) bool {
	asked := f.removeIdle(f.idleSince())
	if len(asked) == 0 || r.cannotPrune {
		return true
	}
	if err := f.kernel.Prune(asked); err == syscall.EINVAL || err == syscall.ENOSYS {
		r.cannotPrune = true
		f.log.Info("the kernel forgets names only when it needs the memory; removal by age waits for that (Linux 6.18 forgets when asked)")
		return true
	}
	// Who looks for a name again and again has the kernel know it again soon: what it has forgotten goes at once.
	for wait := forgetFirst; len(asked) > 0 && patience > 0; wait, patience = 2*wait, patience-wait {
		select {
		case <-time.After(min(wait, patience)):
		case <-r.quit:
			return false
		}
		since := f.idleSince()
		asked = slices.DeleteFunc(asked, func(id uint64) bool {
			n := f.nodes.get(id)
			return n == nil || !f.removeIfIdle(n, since)
		})
	}
	return true
}

// stop may be called more than once, one after the other.
func (r *reaper) stop() {
	if r.quit != nil {
		close(r.quit)
		<-r.done
		r.quit = nil
	}
}

// idleSince is the time before which the last change of what is idle was; nothing is where age does not remove any more.
func (f *FS) idleSince() int64 {
	idle := f.reaper.idle.Load()
	if idle <= 0 {
		return math.MinInt64
	}
	return f.clock.now() - idle
}

// removeIdle removes what has not changed since then and that the kernel has forgotten. It returns
// what would go if the kernel forgot it, what is below a directory before that.
func (f *FS) removeIdle(since int64) (known []uint64) {
	found := make(map[*inode]struct{})
	for n := range f.nodes.all() {
		if f.removeIfIdle(n, since) {
			found[n] = struct{}{}
			known = append(known, n.id)
		}
	}
	if !f.countsOpenDirs() {
		known = append(known, f.knownAbove(found)...)
	}
	return append(f.magicBelow(found), known...)
}

// magicBelow returns the nodes of the magic path that the kernel may know in directories, those below others first.
func (f *FS) magicBelow(dirs map[*inode]struct{}) (ids []uint64) {
	f.templates.each(func(id uint64, a asked) {
		if dir := f.nodes.get(a.dir); dir != nil {
			if _, below := dirs[dir]; below {
				ids = append(ids, id)
			}
		}
	})
	for _, kind := range []magicKind{magicStatus, magicOnce, magicNew, magicDir} {
		for n := range dirs {
			if n.isDir() {
				ids = append(ids, magicOf(n, kind).id)
			}
		}
	}
	return ids
}

// removeIfIdle removes the names of n that may go by age. It says whether they would go but
// for the kernel, which knows n.
func (f *FS) removeIfIdle(n *inode, since int64) (known bool) {
	if n == f.root || n.top || !f.idle(n, since) {
		return false
	}
	if n.lookups.Load() > 0 {
		return true
	}
	for _, d := range n.names() {
		known = f.removeIdleName(d, since) || known
	}
	f.dropIfUnused(n)
	return known
}

// knownAbove returns the directories above nodes that the kernel knows, and so perhaps has open.
func (f *FS) knownAbove(nodes map[*inode]struct{}) (ids []uint64) {
	seen := make(map[*inode]struct{})
	for n := range nodes {
		for _, d := range n.names() {
			for dir := d.parent; dir != nil && dir != f.root && !dir.top; dir = dir.dir.parent.Load() {
				if _, again := seen[dir]; again {
					break
				}
				seen[dir] = struct{}{}
				if dir.lookups.Load() > 0 {
					ids = append(ids, dir.id)
				}
			}
		}
	}
	return ids
}

// idle says whether age may remove n, as far as the tree can tell: nothing in it, no handle, no change since then,
// no policy or sticky bit that keeps it. A directory changes when its entries do.
func (f *FS) idle(n *inode, since int64) bool {
	if n.isDir() && !n.dir.empty() {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opens+n.held > 0 || n.nlink == 0 || n.removal == RemoveKeep || n.mode&syscall.S_ISVTX != 0 {
		return false
	}
	a := f.attrLocked(n)
	return max(a.mtime.Nanos(), a.ctime.Nanos()) < since
}

// removeIdleName removes a name of what is idle, unless it came into use: with the directory locked nobody
// finds n by this name, and nobody has it whom the kernel does not know of. It reports whether only what the kernel
// knows above it, and may have open, keeps it.
func (f *FS) removeIdleName(d *dentry, since int64) (kept bool) {
	n, dir := d.node, d.parent.dir
	if f.openAbove(d.parent) {
		return !f.countsOpenDirs()
	}
	dir.mu.Lock()
	defer dir.mu.Unlock()
	if dir.children[d.name] != d || n.lookups.Load() > 0 || !f.idle(n, since) {
		return false
	}
	if n.isDir() && f.killIfEmpty(n) != nil {
		return false
	}
	f.unplace(d.parent, d, f.clock.now())
	n.mu.Lock()
	n.vanished = n.nlink == 0
	n.mu.Unlock()
	f.notices.send(notice{parent: d.parent.id})
	return false
}

// openAbove reports whether dir is open, or a directory above it. One that is mounted is not removed by age, and does
// not protect what is in it. Where open directories are not counted, since age came to remove only while the
// filesystem was mounted, those that the kernel knows may be open.
func (f *FS) openAbove(dir *inode) bool {
	for ; dir != nil && dir != f.root && !dir.top; dir = dir.dir.parent.Load() {
		dir.mu.Lock()
		open := dir.opens > 0 || !f.countsOpenDirs() && dir.lookups.Load() > 0
		dir.mu.Unlock()
		if open {
			return true
		}
	}
	return false
}
