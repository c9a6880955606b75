package transport

import (
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// gatherTime lets what comes beside io_uring gather: every read that finds a
// single FORGET was a wake-up on another CPU at the cost of the next request. It
// is long beside a request (tens of microseconds) and short beside anything a
// user notices. An INTERRUPT comes late by as much.
const gatherTime = time.Millisecond

// serveDevice starts the /dev/fuse loop. Beside io_uring it only has FORGET and
// INTERRUPT, and one reader (fs/fuse/dev_uring.c, fuse_io_uring_ops).
func (s *Server) serveDevice() {
	l := &devLoop{Server: s, beside: s.features.Transport == transportUring}
	l.readers.init(l.read)
	l.place.Store(anywhere)
	l.more()
}

// A devLoop answers what is read from /dev/fuse: readers that block in read(2)
// and answer what they got themselves. The reader that leaves none behind calls
// another one first, unless what it does is quick and there is nobody else to
// keep waiting.
type devLoop struct {
	*Server
	readers
	follower
	beside bool // immutable while serving: beside io_uring, where one reader is enough
}

// read is the life of one reader.
func (l *devLoop) read() {
	l.busy.Add(1)
	go func() {
		defer l.busy.Done()
		defer l.gone()
		t := l.enterThread()
		defer l.removeSleeper(t)
		l.answerAll()
	}()
}

func (l *devLoop) answerAll() {
	w, err := l.newDevWorker()
	if err != nil {
		l.log.Error("cannot start another reader", "error", err)
		if l.last() {
			l.end(err)
		}
		return
	}
	defer func() { w.free() }()
	place := newPlacement()
	for {
		n, errno := readMessage(l.fd, w.buf)
		if errno == 0 && n > 0 {
			caller := callerOf(w.buf[:n])
			op, ok := w.take(n)
			p := w.paceOf(op, ok)
			if p == bulky {
				p = l.paceOfBulk()
			}
			l.taken(caller, p)
			w = w.answer(op, ok, p)
			l.answered(p)
			if l.beside {
				pause(gatherTime)
			} else if place.move(l.follow(caller, time.Now)) {
				pause(calmPause)
			}
			if !l.stay(l.idleLimit()) {
				return
			}
		} else if l.over(errno) {
			l.dismiss()
			return
		}
	}
}

// taken is called by a reader that got a request, before it answers.
func (l *devLoop) taken(caller uint32, p pace) {
	alone := l.saw(caller, p)
	if l.leave() && !alone && !l.beside {
		l.more()
	}
}

// idleLimit is how many readers are to sleep in read(2) at most.
func (l *devLoop) idleLimit() int32 {
	if l.place.Load() != anywhere {
		return 1
	}
	return l.maxIdle
}

func pause(d time.Duration) {
	spec := unix.NsecToTimespec(int64(d))
	// Cut short by a signal it is only shorter.
	_ = unix.Nanosleep(&spec, nil)
}

// over says whether a read that gave no message was the last one.
func (l *devLoop) over(errno syscall.Errno) bool {
	switch errno {
	case unix.ENOENT, // the caller was killed before its request was read
		unix.EINTR, unix.EAGAIN:
		return false
	case 0: // the pipe that Abort put in the device's place
		l.end(nil)
	case unix.ENODEV, unix.ECONNABORTED:
		l.cutOff.Store(true)
		l.end(nil)
	default:
		l.end(fmt.Errorf("read %s: %w", devicePath, errno))
	}
	return true
}
