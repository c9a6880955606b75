// Package process has what the processes need that are this program again:
// vanishfs starts itself as its own daemon and as the helpers of a session.
package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// DropInherited closes the descriptors that this process was started with and puts
// /dev/null in place of those of 0, 1 and 2 that are below keep. Descriptors of our own
// are close-on-exec; so those that are not are inherited.
func DropInherited(keep int) error {
	if err := nullBelow(keep); err != nil {
		return err
	}
	fds, err := Numbers("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, fd := range fds {
		if fd <= 2 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			unix.Close(fd)
		}
	}
	return nil
}

func nullBelow(keep int) error {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: os.DevNull, Err: err}
	}
	defer unix.Close(null)
	for fd := range keep {
		if err := unix.Dup3(null, fd, 0); err != nil {
			return os.NewSyscallError("dup3", err)
		}
	}
	return nil
}

// PassOn lets the next exec keep fds.
func PassOn(fds ...int) error {
	for _, fd := range fds {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return os.NewSyscallError("fcntl", err)
		}
	}
	return nil
}

// KeepBack is the opposite of PassOn.
func KeepBack(fds ...int) {
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
}
