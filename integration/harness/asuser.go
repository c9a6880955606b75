package harness

import (
	"os"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// AsUser runs f on a thread that has u's identity and no privileges, so that a
// test can be two users at once, or reach a private mount. The thread is given
// up afterwards. f must not call t.FailNow, being in another goroutine, and
// goroutines that it starts are on other threads, so not u.
func AsUser(t testing.TB, u User, f func()) {
	t.Helper()
	if u.UID == os.Getuid() {
		f()
		return
	}
	done := make(chan error, 1)
	go func() {
		// Not unlocked: the runtime ends a thread whose goroutine ends locked to it.
		runtime.LockOSThread()
		if err := becomeThread(u); err != nil {
			done <- err
			return
		}
		defer close(done)
		f()
	}()
	if err := <-done; err != nil {
		t.Errorf("become uid %d: %v", u.UID, err)
	}
}

// becomeThread changes the credentials of the calling thread only, which is
// what the raw system calls do; package syscall's wrappers change all threads.
func becomeThread(u User) error {
	if _, _, e := syscall.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); e != 0 {
		return e
	}
	gid, uid := uintptr(u.GID), uintptr(u.UID)
	if _, _, e := syscall.RawSyscall(unix.SYS_SETRESGID, gid, gid, gid); e != 0 {
		return e
	}
	if _, _, e := syscall.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid); e != 0 {
		return e
	}
	return nil
}
