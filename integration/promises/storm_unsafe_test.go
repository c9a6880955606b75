package promises

import (
	"os"
	"os/signal"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const restart = 0x10000000 // SA_RESTART of include/uapi/asm-generic/signal-defs.h

// sigaction is struct sigaction of include/linux/signal_types.h, of 64-bit machines.
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// sigevent is struct sigevent of include/uapi/asm-generic/siginfo.h.
type sigevent struct {
	value  uintptr
	signal int32
	notify int32
	thread int32
	_      [44]byte
}

const toThread = 4 // SIGEV_THREAD_ID

// bombard sends sig to the calling thread, which stays the caller's, again and again until the process ends. Its
// handler is the runtime's, which notifies came, but without SA_RESTART: the system call that it comes into is not resumed.
func bombard(came chan<- os.Signal, sig unix.Signal, every time.Duration) error {
	signal.Notify(came, sig)
	var act sigaction
	size := unsafe.Sizeof(act.mask)
	if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&act)), size, 0, 0); e != 0 {
		return os.NewSyscallError("rt_sigaction", e)
	}
	act.flags &^= restart
	if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&act)), 0, size, 0, 0); e != 0 {
		return os.NewSyscallError("rt_sigaction", e)
	}
	event := sigevent{signal: int32(sig), notify: toThread, thread: int32(unix.Gettid())}
	var timer int32
	if _, _, e := unix.RawSyscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&timer))); e != 0 {
		return os.NewSyscallError("timer_create", e)
	}
	spec := [2]syscall.Timespec{syscall.NsecToTimespec(every.Nanoseconds()), syscall.NsecToTimespec(every.Nanoseconds())}
	if _, _, e := unix.RawSyscall6(unix.SYS_TIMER_SETTIME, uintptr(timer), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0); e != 0 {
		return os.NewSyscallError("timer_settime", e)
	}
	return nil
}
