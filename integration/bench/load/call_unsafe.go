package load

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of the tight loops are raw: they do not tell Go's scheduler, which
// has nothing else to run in a worker, and they take names that end in NUL, so
// that nothing is allocated. Names are relative to the working directory.

const atCwd = ^uintptr(99) // AT_FDCWD, which is -100

func openFile(name []byte, flags int, mode uint32) (int, error) {
	fd, _, e := syscall.RawSyscall6(unix.SYS_OPENAT, atCwd, uintptr(unsafe.Pointer(unsafe.SliceData(name))),
		uintptr(flags|unix.O_CLOEXEC), uintptr(mode), 0, 0)
	return int(fd), asError(e)
}

func closeFile(fd int) error {
	_, _, e := syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return asError(e)
}

func writeFile(fd int, p []byte) error {
	n, _, e := syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return whole(int(n), len(p), e)
}

func readFile(fd int, p []byte) error {
	n, _, e := syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return whole(int(n), len(p), e)
}

func writeAt(fd int, p []byte, off int64) error {
	n, _, e := syscall.RawSyscall6(unix.SYS_PWRITE64, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(off), 0, 0)
	return whole(int(n), len(p), e)
}

func readAt(fd int, p []byte, off int64) error {
	n, _, e := syscall.RawSyscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(off), 0, 0)
	return whole(int(n), len(p), e)
}

func statName(name []byte, st *unix.Stat_t) error {
	_, _, e := syscall.RawSyscall6(unix.SYS_NEWFSTATAT, atCwd, uintptr(unsafe.Pointer(unsafe.SliceData(name))), uintptr(unsafe.Pointer(st)), 0, 0, 0)
	return asError(e)
}

func makeDir(name []byte) error {
	_, _, e := syscall.RawSyscall(unix.SYS_MKDIRAT, atCwd, uintptr(unsafe.Pointer(unsafe.SliceData(name))), 0o755)
	return asError(e)
}

func unlinkName(name []byte, flags int) error {
	_, _, e := syscall.RawSyscall(unix.SYS_UNLINKAT, atCwd, uintptr(unsafe.Pointer(unsafe.SliceData(name))), uintptr(flags))
	return asError(e)
}

func renameName(from, to []byte) error {
	_, _, e := syscall.RawSyscall6(unix.SYS_RENAMEAT2, atCwd, uintptr(unsafe.Pointer(unsafe.SliceData(from))),
		atCwd, uintptr(unsafe.Pointer(unsafe.SliceData(to))), 0, 0)
	return asError(e)
}

// asError keeps errno 0 from becoming an error that is not nil.
func asError(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

func whole(n, want int, e syscall.Errno) error {
	if e != 0 {
		return e
	}
	if n != want {
		return errShort
	}
	return nil
}
