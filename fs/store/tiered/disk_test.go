package tiered

import (
	"io"
	"sync"
	"syscall"
	"time"
)

// A fakeDisk is a Disk in memory that can be full, broken, slow or lying. Fields are guarded by mu.
type fakeDisk struct {
	mu     sync.Mutex
	resume sync.Cond // signalled when stuck changes

	pages    map[int64]*[pageSize]byte // by offset
	size     int64
	limit    int   // pages that fit; 0 is unlimited
	readErr  error // of every read
	writeErr error // of every write
	punchErr error
	stuck    bool // reads and writes do not return
	jammed   bool // writes do not return
	inside   int  // calls that are stuck
	most     int  // pages there ever were
	writes   int
	reads    int
	punches  int
	closed   bool
}

func newFakeDisk() *fakeDisk {
	d := &fakeDisk{pages: map[int64]*[pageSize]byte{}}
	d.resume.L = &d.mu
	return d
}

// set changes the disk's behaviour.
func (d *fakeDisk) set(f func(d *fakeDisk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d)
	d.resume.Broadcast()
}

func (d *fakeDisk) passLocked(write bool) {
	d.inside++
	for d.stuck || write && d.jammed {
		d.resume.Wait()
	}
	d.inside--
}

func (d *fakeDisk) ReadAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.passLocked(false)
	d.reads++
	if d.readErr != nil {
		return 0, d.readErr
	}
	if off%pageSize != 0 || len(p)%pageSize != 0 {
		return 0, syscall.EINVAL
	}
	for n := 0; n < len(p); n += pageSize {
		at := off + int64(n)
		if at >= d.size {
			return n, io.EOF
		}
		if page := d.pages[at]; page != nil {
			copy(p[n:], page[:])
		} else {
			clear(p[n : n+pageSize])
		}
	}
	return len(p), nil
}

func (d *fakeDisk) WriteAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.passLocked(true)
	d.writes++
	if d.writeErr != nil {
		return 0, d.writeErr
	}
	if off%pageSize != 0 || len(p)%pageSize != 0 {
		return 0, syscall.EINVAL
	}
	for n := 0; n < len(p); n += pageSize {
		at := off + int64(n)
		if d.pages[at] == nil {
			if d.limit != 0 && len(d.pages) >= d.limit {
				return n, syscall.ENOSPC
			}
			d.pages[at] = new([pageSize]byte)
			d.most = max(d.most, len(d.pages))
		}
		copy(d.pages[at][:], p[n:])
		d.size = max(d.size, at+pageSize)
	}
	return len(p), nil
}

func (d *fakeDisk) Punch(off, n int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.punches++
	if d.punchErr != nil {
		return d.punchErr
	}
	for at := off; at < off+n; at += pageSize {
		delete(d.pages, at)
	}
	return nil
}

func (d *fakeDisk) Truncate(size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.size = size
	for at := range d.pages {
		if at >= size {
			delete(d.pages, at)
		}
	}
	return nil
}

func (d *fakeDisk) Free() (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.limit == 0 {
		return 1 << 40, nil
	}
	return int64(d.limit-len(d.pages)) * pageSize, nil
}

func (d *fakeDisk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}

// waiting is the number of calls that are stuck.
func (d *fakeDisk) waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stuck || d.jammed {
		return d.inside
	}
	return 0
}

// newQueue implements queuedDisk.
func (d *fakeDisk) newQueue(int) (queue, error) { return &fakeQueue{disk: d}, nil }

// A fakeQueue reads one after the other, but does not wait for a disk that is stuck.
type fakeQueue struct {
	disk *fakeDisk
	done chan struct{}
}

func (q *fakeQueue) read(reads []read) {
	for i := range reads {
		reads[i].plainly(q.disk)
	}
}

func (q *fakeQueue) try(r *read, limit time.Duration) bool {
	q.done = make(chan struct{})
	go func() {
		defer close(q.done)
		r.plainly(q.disk)
	}()
	if q.disk.isStuck() {
		return false
	}
	<-q.done
	return true
}

func (q *fakeQueue) finish() { <-q.done }

func (q *fakeQueue) close() {}

func (d *fakeDisk) isStuck() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stuck
}
