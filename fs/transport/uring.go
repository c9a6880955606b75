package transport

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// include/uapi/linux/io_uring.h
const (
	setupCQSize       = 1 << 3
	setupSQE128       = 1 << 10
	setupSingleIssuer = 1 << 12
	setupDeferTaskrun = 1 << 13

	featSingleMmap = 1 << 0

	offsetRings = 0
	offsetSQEs  = 0x10000000

	enterGetEvents = 1 << 0
	enterExtArg    = 1 << 3

	opcodeRead     = 22
	opcodeUringCmd = 46
)

// submissionOffsets is struct io_sqring_offsets, completionOffsets struct
// io_cqring_offsets, ringParams struct io_uring_params.
type (
	submissionOffsets struct {
		head, tail, mask, entries, _, dropped, array, _ uint32
		_                                               uint64
	}
	completionOffsets struct {
		head, tail, mask, entries, overflow, cqes, _, _ uint32
		_                                               uint64
	}
	ringParams struct {
		sqEntries, cqEntries, flags, threadCPU, threadIdle, features, wqFD uint32
		_                                                                  [3]uint32
		sq                                                                 submissionOffsets
		cq                                                                 completionOffsets
	}
)

// submission is struct io_uring_sqe with its 128 bytes (SETUP_SQE128).
type submission struct {
	opcode      uint8
	_           uint8
	_           uint16
	fd          int32
	offset      uint64 // the command, for a uring_cmd
	address     uint64
	length      uint32
	_           uint32
	userData    uint64
	_, _        uint16
	_           int32
	commandArea [80]byte
}

// completion is struct io_uring_cqe.
type completion struct {
	userData uint64
	result   int32
	_        uint32
}

// A ring is an io_uring that belongs to the thread that made it
// (SETUP_SINGLE_ISSUER): no method may be called on another one.
//
// The kernel moves sqHead and cqTail, this side sqTail and cqHead. A position
// is written with a store that orders what was written before it, and read
// with a load that orders what is read after it.
type ring struct {
	fd int

	rings, sqeMemory []byte // mapped

	sqHead, sqTail *uint32
	sqMask         uint32
	sqes           []submission
	prepared       uint32 // submissions that are filled in; sqTail after the next enter

	cqHead, cqTail *uint32
	cqMask         uint32
	cqes           []completion
}

// newRing makes a ring for as many submissions, and as many completions, at a time, powers of two.
func newRing(entries, completions uint32) (*ring, error) {
	p := ringParams{flags: setupCQSize | setupSQE128 | setupSingleIssuer | setupDeferTaskrun, cqEntries: max(completions, 2*entries)}
	fd, errno := ringSetup(entries, &p)
	if errno != 0 {
		return nil, fmt.Errorf("io_uring_setup: %w", errno)
	}
	unix.CloseOnExec(fd)
	r := &ring{fd: fd}
	if err := r.mapRings(&p); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *ring) mapRings(p *ringParams) (err error) {
	if p.features&featSingleMmap == 0 {
		return errors.New("io_uring without a single mapping (before Linux 5.4)")
	}
	const access, how = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	size := max(int(p.sq.array)+4*int(p.sqEntries), int(p.cq.cqes)+sizeOf[completion]()*int(p.cqEntries))
	if r.rings, err = unix.Mmap(r.fd, offsetRings, size, access, how); err != nil {
		return fmt.Errorf("map io_uring: %w", err)
	}
	if r.sqeMemory, err = unix.Mmap(r.fd, offsetSQEs, sizeOf[submission]()*int(p.sqEntries), access, how); err != nil {
		return fmt.Errorf("map io_uring: %w", err)
	}
	r.layout(p)
	return nil
}

// close ends the ring and, in the kernel and some time later, what is still in
// flight on it.
func (r *ring) close() {
	unix.Close(r.fd)
	for _, b := range [][]byte{r.rings, r.sqeMemory} {
		if b != nil {
			freeBuffer(b)
		}
	}
}

// full says whether there is room for no submission more before an enter.
func (r *ring) full() bool { return r.unsubmitted() >= uint32(len(r.sqes)) }

// prepare gives the next submission, zeroed; enter submits it. There is room: see full.
func (r *ring) prepare() *submission {
	s := &r.sqes[r.prepared&r.sqMask]
	r.prepared++
	*s = submission{}
	return s
}

// unsubmitted is how many submissions the kernel has not taken yet.
func (r *ring) unsubmitted() uint32 { return r.prepared - atomic.LoadUint32(r.sqHead) }

// enter submits what was prepared and waits until there is a completion, or
// not. Signals are no reason to return.
func (r *ring) enter(wait bool) error {
	if wait {
		return r.submit(1, enterGetEvents)
	}
	return r.submit(0, 0)
}

// enterFor is enter, but waits so long at most.
func (r *ring) enterFor(d time.Duration) error {
	spec := unix.NsecToTimespec(int64(d))
	for {
		errno := ringEnterFor(r.fd, r.submission(), 1, &spec)
		if errno == unix.ETIME || errno == 0 {
			return nil
		}
		if err := r.goOn(errno); err != nil || r.available() {
			return err
		}
	}
}

// look submits what was prepared and has the kernel complete what it can by now, and does not wait: with
// SETUP_DEFER_TASKRUN it does so only when asked for completions (io_uring/io_uring.c, io_cqring_wait).
func (r *ring) look() error { return r.submit(0, enterGetEvents) }

func (r *ring) submit(want, flags uint32) error {
	for {
		errno := ringEnter(r.fd, r.submission(), want, flags)
		if errno == 0 {
			return nil
		}
		if err := r.goOn(errno); err != nil || r.available() {
			return err
		}
	}
}

// submission is how many submissions are to be made now, which the kernel may see.
func (r *ring) submission() uint32 {
	atomic.StoreUint32(r.sqTail, r.prepared)
	return r.unsubmitted()
}

// goOn is the error that an enter failed with, or nil where it was only cut short.
func (r *ring) goOn(errno syscall.Errno) error {
	switch errno {
	case unix.EINTR, unix.EAGAIN, unix.EBUSY:
		return nil
	}
	return fmt.Errorf("io_uring_enter: %w", errno)
}

func (r *ring) available() bool { return atomic.LoadUint32(r.cqTail) != atomic.LoadUint32(r.cqHead) }

// next takes one completion, if there is one.
func (r *ring) next() (c completion, ok bool) {
	head := *r.cqHead // only this side writes it
	if head == atomic.LoadUint32(r.cqTail) {
		return c, false
	}
	c = r.cqes[head&r.cqMask]
	atomic.StoreUint32(r.cqHead, head+1)
	return c, true
}
