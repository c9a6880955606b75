package fs

import (
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"vanishfs/fs/store"
)

// Giving memory back takes about 75 ms for a GiB of 4 KiB pages. Much content is given
// back beside the requests where the next file has room meanwhile. Where it has not, who
// removes it waits, and a transport keeps others from waiting too.

const (
	// muchToFree, bytes, takes about as long as ten requests.
	muchToFree = 8 << 20
	// roomToWait is how many files of its size content must have room beside it to be freed later.
	roomToWait = 8
)

// A freer gives content back beside the requests, from one goroutine, which is there while there is some: each
// content takes a thread while the kernel frees its pages, and a process that has too many threads is ended
// (runtime/debug, SetMaxThreads).
type freer struct {
	bytes atomic.Int64 // of what is in the queue or is being given back

	mu      sync.Mutex
	queue   []heavy // guarded by mu
	running bool    // guarded by mu
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
	}
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
	if !f.roomBeside(0) {
		f.freeing.bytes.Add(-h.bytes)
		c.Free()
		return
	}
	f.freeing.push(h)
}

// roomBeside says whether the next file does not need the room of content of that many bytes,
// and of what is being given back already.
func (f *FS) roomBeside(bytes int64) bool {
	u, err := f.store.Usage()
	return err == nil && u.Free/roomToWait >= bytes+f.freeing.bytes.Load()
}

// SlowUnlink says whether to remove a name, or to rename another file to it, gives so
// much content back that other requests are not to wait for it.
func (f *FS) SlowUnlink(dir uint64, name string) bool {
	p := f.nodes.get(dir)
	if p == nil || !p.isDir() {
		return false
	}
	p.dir.mu.RLock()
	d := p.dir.children[name]
	p.dir.mu.RUnlock()
	if d == nil {
		return false
	}
	n := d.node
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nlink == 1 && n.opens+n.held == 0 && n.muchLocked()
}

// SlowRelease says that of the end of a handle. Of a file whose data goes past the daemon
// nearly everything is given back later: see dropHandle.
func (f *FS) SlowRelease(in *fuse.ReleaseIn) bool {
	n := f.nodes.get(in.NodeId)
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	last := n.opens == 1 && n.backing == 0 && (n.nlink == 0 || n.removal == RemoveClose)
	return last && n.muchLocked()
}

// SlowOpen says that of opening a file to empty it.
func (f *FS) SlowOpen(in *fuse.OpenIn) bool {
	if in.Flags&syscall.O_TRUNC == 0 {
		return false
	}
	n := f.nodes.get(in.NodeId)
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.muchLocked()
}

// Precondition: n.mu is held.
func (n *inode) muchLocked() bool {
	if n.file == nil {
		return false
	}
	a, err := n.file.Attr()
	return err == nil && a.Blocks*512 > muchToFree
}
