package seal

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// expand runs f, which has a key in vector registers on its way into the region,
// and wipes where these may have been saved meanwhile: the runtime preempts by a
// signal, the kernel saves the registers on the thread's signal stack, and the
// runtime on the goroutine's (runtime/preempt.go, asyncPreempt).
func expand(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	burn() // the stack is large enough from here on: it does not move
	f()
	burn()
	// The preemption signal, for nothing, is saved over the last one; it comes before this returns.
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGURG)
}

// burn overwrites the stack below its caller.
//
//go:noinline
func burn() {
	var stack [16 << 10]byte
	clear(stack[:])
	runtime.KeepAlive(&stack)
}
