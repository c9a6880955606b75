package transport

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxReaders bounds the threads of the /dev/fuse loop. Requests that may
	// wait for others do not occupy one (pace waits), so that the rest always
	// comes to an end, and the next message is read.
	maxReaders = 64
	// maxIdleReaders is what stays asleep in read(2) at most. The kernel wakes
	// readers in turn, so every idle one costs warm caches; but starting a
	// thread costs more than waking one.
	maxIdleReaders = 16
	// gatherTime is long beside a request (tens of microseconds) and short
	// beside anything a user notices.
	gatherTime = time.Millisecond
)

// readers counts the threads of the /dev/fuse loop.
//
// INVARIANT: 0 <= idle <= total <= maxReaders. While total < maxReaders, a
// reader is idle or about to be.
type readers struct {
	idle    atomic.Int32 // in read(2) or on the way there
	total   atomic.Int32
	maxIdle int32 // immutable while serving
}

// serveDevice starts the /dev/fuse loop. Beside io_uring it only has FORGET and
// INTERRUPT, and one reader (fs/fuse/dev_uring.c, fuse_io_uring_ops).
func (s *Server) serveDevice() {
	l := &devLoop{Server: s}
	l.place.Store(anywhere)
	l.maxIdle = int32(min(max(runtime.GOMAXPROCS(0)+1, 3), maxIdleReaders))
	l.alone = s.features.Transport == transportUring
	l.spawn()
}

// A devLoop answers what is read from /dev/fuse: readers that block in read(2)
// and answer what they got themselves. The reader that leaves none behind
// starts another one first.
type devLoop struct {
	*Server
	readers
	follower
	alone bool // immutable while serving: beside io_uring, where one reader is enough
}

// spawn starts a reader, unless there are enough.
func (l *devLoop) spawn() {
	if l.total.Add(1) > maxReaders {
		l.total.Add(-1)
		return
	}
	l.idle.Add(1)
	l.busy.Add(1)
	go l.read()
}

// taken is called by a reader that got a message.
func (l *devLoop) taken() {
	if l.idle.Add(-1) == 0 && !l.alone {
		l.spawn()
	}
}

// stay says whether a reader that has answered is needed for another message.
func (l *devLoop) stay() bool {
	if l.idle.Add(1) > l.maxIdle {
		l.idle.Add(-1)
		return false
	}
	return true
}

// read is the life of one reader.
func (l *devLoop) read() {
	defer l.busy.Done()
	defer l.total.Add(-1)
	t := l.enterThread()
	defer l.removeSleeper(t)

	w, err := l.newDevWorker()
	if err != nil {
		l.idle.Add(-1)
		l.log.Error("cannot start another reader", "error", err)
		if l.total.Load() == 1 {
			l.end(err)
		}
		return
	}
	defer func() { w.free() }()
	place := newPlacement()
	for {
		n, errno := readMessage(l.fd, w.buf)
		if errno == 0 && n > 0 {
			l.taken()
			caller := callerOf(w.buf[:n])
			w = w.answer(n)
			if l.alone {
				l.pause()
			} else {
				place.move(l.saw(caller))
			}
			if !l.stay() {
				return
			}
		} else if l.over(errno) {
			l.idle.Add(-1)
			return
		}
	}
}

// pause lets what comes beside io_uring gather: every read that finds a single
// FORGET was a wake-up on another CPU at the cost of the next request. An
// INTERRUPT comes late by as much.
func (l *devLoop) pause() {
	pause := unix.NsecToTimespec(int64(gatherTime))
	// Cut short by a signal it is only shorter.
	_ = unix.Nanosleep(&pause, nil)
}

// over says whether a read that gave no message was the last one.
func (l *devLoop) over(errno syscall.Errno) bool {
	switch errno {
	case unix.ENOENT, // the caller was killed before its request was read
		unix.EINTR, unix.EAGAIN:
		return false
	case 0, // the pipe that Abort put in the device's place
		unix.ENODEV, unix.ECONNABORTED:
		l.end(nil)
	default:
		l.end(fmt.Errorf("read %s: %w", devicePath, errno))
	}
	return true
}
