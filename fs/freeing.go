package fs

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"vanishfs/fs/store"
)

// Giving memory back takes about 75 ms for a GiB of 4 KiB pages. Much content is given back beside the
// requests. Who finds no room waits as long as there is some to come, and a transport keeps others from waiting with
// him. But who writes past the daemon is told by the kernel. So on the direct plane, where the next file may need the
// room, who removes content waits until it is there.
//
// Who removes a name has locked its directory in the kernel, and with it perhaps all who make files there. So where
// others use the mount a removal waits for removalPatience at most, and all removals together for a small part of
// the time. What does not wait may leave less room, for some milliseconds, to a write past the daemon.

const (
	// muchToFree, bytes, takes about as long as ten requests.
	muchToFree = 8 << 20
	// roomToWait is how many files of its size content must have room beside it to be freed later.
	roomToWait = 8
	// removalPatience is enough for a quarter of a GiB of small pages. For removalRest times as long as
	// removals have waited, none waits.
	removalPatience = 20 * time.Millisecond
	removalRest     = 20
	// muchToSeek, bytes, takes as long to look through as ten requests, where it was reserved and not written
	// (mm/filemap.c, mapping_seek_hole_data).
	muchToSeek = 64 << 20
	// manyNames take about as long to remove as ten requests.
	manyNames = 64
)

// A freer gives content back beside the requests, from one goroutine, which is there while there is some: each
// content takes a thread while the kernel frees its pages, and a process that has too many threads is ended
// (runtime/debug, SetMaxThreads).
type freer struct {
	bytes atomic.Int64 // of what is in the queue or is being given back

	mu      sync.Mutex
	queue   []heavy       // guarded by mu
	running bool          // guarded by mu
	freed   chan struct{} // guarded by mu: closed when the next content has been given back; nil if nobody waits
	rest    time.Time     // guarded by mu: until then no removal waits
	busy    sync.WaitGroup
}

// heavy is content with what it takes, bytes.
type heavy struct {
	content store.File
	bytes   int64
}

func (q *freer) push(h heavy) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = append(q.queue, h)
	if !q.running {
		q.running = true
		q.busy.Go(q.run)
	}
}

// run is the freer's goroutine; it ends by itself.
func (q *freer) run() {
	for h, ok := q.next(); ok; h, ok = q.next() {
		h.content.Free()
		q.bytes.Add(-h.bytes)
		q.announce()
	}
}

func (q *freer) announce() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.freed != nil {
		close(q.freed)
		q.freed = nil
	}
}

// more is closed when content has been given back next; nil if none is to come.
func (q *freer) more() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes.Load() == 0 {
		return nil
	}
	if q.freed == nil {
		q.freed = make(chan struct{})
	}
	return q.freed
}

func (q *freer) next() (h heavy, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		q.queue, q.running = nil, false
		return heavy{}, false
	}
	h, q.queue[0] = q.queue[0], heavy{}
	q.queue = q.queue[1:]
	return h, true
}

// Wait returns when nothing is left to be given back.
func (q *freer) Wait() { q.busy.Wait() }

// free gives content back that nobody holds any more.
func (f *FS) free(c store.File) {
	a, err := c.Attr()
	h := heavy{c, a.Blocks * 512}
	if err != nil || h.bytes <= muchToFree {
		c.Free()
		return
	}
	f.freeing.bytes.Add(h.bytes)
	f.freeing.push(h)
}

// awaitRoom is called by who has removed a name. It returns when what is being freed leaves room enough for the
// next file, where that cannot wait for it by itself. No lock is held.
func (f *FS) awaitRoom() {
	if !f.removalWaits() {
		return
	}
	var over <-chan time.Time // nil is never
	if !f.opts.Private {
		patience := time.NewTimer(removalPatience)
		defer patience.Stop()
		defer f.freeing.waited(time.Now())
		over = patience.C
	}
	for !f.roomBeside(0) {
		more := f.freeing.more()
		if more == nil {
			return
		}
		select {
		case <-more:
		case <-over:
			return
		}
	}
}

// removalWaits says whether a removal is to wait for room now.
func (f *FS) removalWaits() bool {
	return f.direct && f.roomIsShort() && (f.opts.Private || f.freeing.mayWait(time.Now()))
}

func (q *freer) mayWait(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !now.Before(q.rest)
}

// waited notes that a removal has waited since start.
func (q *freer) waited(start time.Time) {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if rest := now.Add(removalRest * now.Sub(start)); rest.After(q.rest) {
		q.rest = rest
	}
}

// withRoom makes a change again that found no room, as long as some is to come.
func (f *FS) withRoom(change func() error) error {
	for {
		more := f.freeing.more()
		err := change()
		if err != syscall.ENOSPC || more == nil {
			return err
		}
		<-more
	}
}

// roomBeside says whether the next file does not need the room of content of that many bytes,
// and of what is being given back already.
func (f *FS) roomBeside(bytes int64) bool {
	u, err := f.store.Usage()
	return err == nil && u.Free/roomToWait >= bytes+f.freeing.bytes.Load()
}

// roomIsShort says whether the next file may need the room of what is being freed.
func (f *FS) roomIsShort() bool { return f.freeing.bytes.Load() > 0 && !f.roomBeside(0) }

// SlowUnlink says whether who removes a name, or renames another file to it, has to wait for its content to
// be given back, or for what is being given back already.
func (f *FS) SlowUnlink(dir uint64, name string) bool {
	if f.removalWaits() {
		return true
	}
	if !f.direct {
		return false
	}
	n := f.fileAt(dir, name)
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nlink == 1 && n.opens+n.held == 0 && n.hasLocked(muchToFree) && !f.mayWaitLocked(n)
}

// fileAt is what has that name, if it is no directory, or nil. It may be removed meanwhile.
func (f *FS) fileAt(dir uint64, name string) *inode {
	p := f.nodes.get(dir)
	if p == nil || !p.isDir() {
		return nil
	}
	p.dir.mu.RLock()
	defer p.dir.mu.RUnlock()
	d := p.dir.children[name]
	if d == nil || d.node.isDir() {
		return nil
	}
	return d.node
}

// SlowRelease says whether the end of a handle removes many names.
func (f *FS) SlowRelease(in *fuse.ReleaseIn) bool {
	n := f.nodes.get(in.NodeId)
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.opens == 1 && n.removal == RemoveClose && n.ext != nil && len(n.ext.names) > manyNames
}

// SlowCreate says whether a CREATE finds a file and empties it, which takes long.
func (f *FS) SlowCreate(in *fuse.CreateIn, name string) bool {
	// Where others could find the file the kernel is made to open it: see openExisting.
	if in.Flags&syscall.O_TRUNC == 0 || in.Flags&syscall.O_EXCL != 0 || !f.opts.Private {
		return false
	}
	n := f.fileAt(in.NodeId, name)
	return n != nil && n.has(muchToFree)
}

// SlowSeek says whether to look for data or a hole takes long.
func (f *FS) SlowSeek(in *fuse.LseekIn) bool {
	n := f.nodes.get(in.NodeId)
	return n != nil && n.has(muchToSeek)
}

// SlowOpen says that of opening a file to empty it.
func (f *FS) SlowOpen(in *fuse.OpenIn) bool {
	if in.Flags&syscall.O_TRUNC == 0 {
		return false
	}
	n := f.nodes.get(in.NodeId)
	return n != nil && n.has(muchToFree)
}

// has says whether the content is more than that many bytes.
func (n *inode) has(bytes int64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hasLocked(bytes)
}

// Precondition: n.mu is held.
func (n *inode) hasLocked(bytes int64) bool {
	if n.file == nil {
		return false
	}
	a, err := n.file.Attr()
	return err == nil && a.Blocks*512 > bytes
}
