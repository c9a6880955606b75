package tiered

import (
	"io"
	"sync"
	"time"
)

// A read is one place of the disk to be read.
type read struct {
	buf []byte
	off int64 // bytes
	err error // what came of it; nil: buf is full
}

// A queue has several reads of a disk under way for one caller. One goroutine uses it at a time.
type queue interface {
	// read reads all. It returns when the last one is done.
	read(reads []read)
	// try reads if that takes no longer than limit, and reports whether it did. If not, buf belongs to
	// the disk until finish returns, which comes before anything else.
	try(r *read, limit time.Duration) bool
	finish()
	close()
}

// A queuedDisk is a Disk that has queues, of up to n reads. Without, or where it fails, reads go one
// after the other.
type queuedDisk interface {
	Disk
	newQueue(n int) (queue, error)
}

// A lane is a way to the disk for one goroutine at a time.
type lane struct {
	disk  Disk
	queue func() queue // nil where there is none; made at its first use, as the kernel takes its time to end it
	made  queue
	reads []read
}

// newLane makes a lane for up to n reads at once.
func newLane(d Disk, n int) *lane {
	l := &lane{disk: d, reads: make([]read, 0, n)}
	l.queue = sync.OnceValue(func() queue {
		if q, ok := d.(queuedDisk); ok {
			l.made, _ = q.newQueue(n) // slower without, no more
		}
		return l.made
	})
	return l
}

// closeAll closes lanes that nobody uses, at once since each can take the kernel milliseconds.
func closeAll(lanes []*lane) {
	var all sync.WaitGroup
	for _, l := range lanes {
		if l != nil && l.made != nil {
			all.Go(l.made.close)
		}
	}
	all.Wait()
}

// fetch reads extents, which are in the order of their slots and placed, into buf; neighbours on the disk
// together, all others at once. If there is an error, it says of which extents.
func (l *lane) fetch(ws []wanted, buf []byte) (bad []wanted, err error) {
	l.reads = l.reads[:0]
	for rest := ws; len(rest) > 0; {
		n, pages := together(rest)
		l.reads = append(l.reads, read{buf: buf[rest[0].at:][:pages*pageSize], off: int64(rest[0].slot) * pageSize})
		rest = rest[n:]
	}
	l.readAll()
	for i, rest := 0, ws; i < len(l.reads); i++ {
		n, _ := together(rest)
		if err := l.reads[i].err; err != nil {
			return rest[:n], err
		}
		rest = rest[n:]
	}
	return nil, nil
}

func (l *lane) readAll() {
	if len(l.reads) > 1 {
		if q := l.queue(); q != nil {
			q.read(l.reads)
			return
		}
	}
	for i := range l.reads {
		l.reads[i].plainly(l.disk)
	}
}

// plainly reads by the disk's usual way.
func (r *read) plainly(d io.ReaderAt) {
	n, err := d.ReadAt(r.buf, r.off)
	switch {
	case n == len(r.buf):
		err = nil
	case err == nil:
		err = io.ErrUnexpectedEOF
	}
	r.err = err
}

// together is how many of the first extents lie one after the other on the disk, and how many pages that is.
func together(ws []wanted) (n, pages int) {
	for n < len(ws) && int(ws[n].slot) == int(ws[0].slot)+pages {
		pages += ws[n].stored.len()
		n++
	}
	return n, pages
}

// place puts extents, whose order is that of their slots, one after the other in a buffer, and returns how
// many bytes of it they take.
func place(ws []wanted) (size int) {
	for i := range ws {
		ws[i].at = size
		size += ws[i].stored.len() * pageSize
	}
	return size
}
