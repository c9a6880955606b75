package transport

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readMessage sleeps until there is a message. It is read(2) and not a method
// of os.File, which would take a lock that Close waits for.
func readMessage(fd int, buf []byte) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// writeMessage writes head and payload as one message. A message without a
// payload is copied and wakes its caller, which never sleeps, so the scheduler
// need not hear of it; one with a payload may fault pages in.
func writeMessage(fd int, head, payload []byte) syscall.Errno {
	if len(payload) == 0 {
		_, _, errno := syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(head))), uintptr(len(head)))
		return errno
	}
	return writeBlocking(fd, head, payload)
}

// writeBlocking is writeMessage for what may sleep.
func writeBlocking(fd int, head, payload []byte) syscall.Errno {
	iov := [2]unix.Iovec{
		{Base: unsafe.SliceData(head), Len: uint64(len(head))},
		{Base: unsafe.SliceData(payload), Len: uint64(len(payload))},
	}
	_, _, errno := syscall.Syscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&iov)), uintptr(len(iov)))
	return errno
}

// ioctlPointer is ioctl(2) with a pointer to arg, whose result is returned.
func ioctlPointer[T any](fd int, command uintptr, arg *T) (int32, syscall.Errno) {
	n, _, errno := syscall.Syscall(unix.SYS_IOCTL, uintptr(fd), command, uintptr(unsafe.Pointer(arg)))
	return int32(n), errno
}

func structBytes[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}
