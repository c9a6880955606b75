package tiered

import (
	"fmt"
	"io"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An aioQueue is a queue of the kernel's asynchronous I/O (io_submit(2)), which for direct I/O needs neither
// threads nor wake-ups beyond those of read(2), and is allowed in containers, where io_uring mostly is not.
type aioQueue struct {
	file    *spillFile
	context uintptr
	blocks  []ioBlock // in Go's heap, which does not move
	list    []*ioBlock
	events  []ioEvent
	limit   unix.Timespec
}

// An ioBlock is struct iocb, whose other fields are 0 here, an ioEvent struct io_event (include/uapi/linux/aio_abi.h).
type (
	ioBlock struct {
		data    uint64
		_       uint32
		rwFlags int32
		opcode  uint16
		_       int16
		fd      uint32
		buf     uint64
		size    uint64
		offset  int64
		_       uint64
		_       uint32
		_       uint32
	}
	ioEvent struct {
		data    uint64
		object  uint64
		result  int64
		result2 int64
	}
)

const (
	aioRead = 0 // IOCB_CMD_PREAD
	// rwfNoWait is RWF_NOWAIT (include/uapi/linux/fs.h): EAGAIN rather than waiting for a lock or a free place
	// in the device's queue before the read is even under way.
	rwfNoWait = 8
)

var _ queuedDisk = (*spillFile)(nil)

// newQueue implements queuedDisk. The kernel reads what it would buffer at once, so that only direct I/O gains.
func (d *spillFile) newQueue(n int) (queue, error) {
	if !d.direct {
		return nil, syscall.EOPNOTSUPP
	}
	q := &aioQueue{file: d, blocks: make([]ioBlock, n), list: make([]*ioBlock, n), events: make([]ioEvent, n)}
	for i := range q.blocks {
		q.list[i] = &q.blocks[i]
	}
	if err := q.setup(n); err != nil {
		return nil, fmt.Errorf("io_setup: %w", err)
	}
	return q, nil
}

// prepare fills in block i.
func (q *aioQueue) prepare(i int, r *read, flags int32) {
	q.blocks[i] = ioBlock{data: uint64(i), rwFlags: flags, opcode: aioRead, fd: uint32(q.file.f.Fd()),
		buf: addressOf(r.buf), size: uint64(len(r.buf)), offset: r.off}
	r.err = syscall.EINPROGRESS
}

func (q *aioQueue) read(reads []read) {
	for i := range reads {
		q.prepare(i, &reads[i], 0)
	}
	for begun := 0; begun < len(reads); {
		n, err := q.submit(begun, len(reads))
		if err != nil {
			break // the rest is read below
		}
		begun += n
		for got := 0; got < n; {
			events := q.wait(n-got, nil)
			for _, e := range events {
				reads[e.data].ended(e.result)
			}
			got += len(events)
		}
	}
	for i := range reads {
		if reads[i].err != nil { // tell what is wrong with it, or that it was not the disk
			reads[i].plainly(q.file)
		}
	}
}

// ended notes the kernel's result.
func (r *read) ended(result int64) {
	switch {
	case result == int64(len(r.buf)):
		r.err = nil
	case result < 0:
		r.err = syscall.Errno(-result)
	default:
		r.err = io.ErrUnexpectedEOF
	}
}

func (q *aioQueue) try(r *read, limit time.Duration) bool {
	q.prepare(0, r, rwfNoWait)
	if _, err := q.submit(0, 1); err != nil {
		r.err = err
		return true
	}
	q.limit = unix.NsecToTimespec(int64(limit))
	events := q.wait(1, &q.limit)
	if len(events) == 0 {
		return false
	}
	r.ended(events[0].result)
	return true
}

func (q *aioQueue) finish() { q.wait(1, nil) }

// wait waits for n events, or shorter. Signals are no reason to return. Any other error means that the queue is
// not what was set up: to go on would be to use memory again that the disk may still write to.
func (q *aioQueue) wait(n int, timeout *unix.Timespec) []ioEvent {
	for {
		switch got, err := q.getEvents(n, timeout); err {
		case nil:
			return q.events[:got]
		case syscall.EINTR:
		default:
			panic(fmt.Sprintf("tiered store: io_getevents for %d reads under way: %v", n, err))
		}
	}
}
