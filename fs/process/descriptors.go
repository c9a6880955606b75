// Package process is the one way to be this program again: vanishfs starts itself as its own daemon, as the
// processes of a session, and for what an ordinary user may do in a namespace of his own only. A process in a [Role] is told
// what it has to know in a letter, keeps the descriptors that it is handed, and answers over a socket.
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

// keepBack lets no exec keep fds.
func keepBack(fds []int) {
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
}
