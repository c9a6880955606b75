package tiered

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func addressOf(p []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(p)))) }

func (q *aioQueue) setup(n int) error {
	if _, _, errno := unix.Syscall(unix.SYS_IO_SETUP, uintptr(n), uintptr(unsafe.Pointer(&q.context)), 0); errno != 0 {
		return errno
	}
	return nil
}

// close waits for what is under way.
func (q *aioQueue) close() { unix.Syscall(unix.SYS_IO_DESTROY, q.context, 0, 0) }

// submit begins the reads of blocks from one on up to another, or the first ones of these, and returns how many.
func (q *aioQueue) submit(from, to int) (int, error) {
	for {
		n, _, errno := unix.Syscall(unix.SYS_IO_SUBMIT, q.context, uintptr(to-from), uintptr(unsafe.Pointer(&q.list[from])))
		runtime.KeepAlive(q)
		switch {
		case errno == syscall.EINTR:
		case errno != 0:
			return 0, errno
		default:
			return int(n), nil
		}
	}
}

// getEvents waits for n events.
func (q *aioQueue) getEvents(n int, timeout *unix.Timespec) (int, error) {
	got, _, errno := unix.Syscall6(unix.SYS_IO_GETEVENTS, q.context, uintptr(n), uintptr(n),
		uintptr(unsafe.Pointer(&q.events[0])), uintptr(unsafe.Pointer(timeout)), 0)
	if errno != 0 {
		return 0, errno
	}
	return int(got), nil
}
