package doctor

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"vanishfs/fs/transport"
)

const slowLoop = "every request takes the /dev/fuse loop, which is slower"

// ioUring calls io_uring_setup without parameters: whether it is allowed at all
// is decided before they are looked at (io_uring/io_uring.c, io_uring_setup),
// and they would be EFAULT.
func ioUring() Check {
	c := Check{Name: "io_uring"}
	_, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0)
	switch errno {
	case unix.EFAULT:
		return c.tried("", "allowed", "", "")
	case unix.EPERM:
		return c.tried("forbidden", "", slowLoop, "sysctl -w kernel.io_uring_disabled=0; in a container also: docker run --security-opt seccomp=unconfined")
	case unix.ENOSYS:
		return c.tried("not in this kernel, or filtered", "", slowLoop, "a kernel with CONFIG_IO_URING; in a container: docker run --security-opt seccomp=unconfined")
	}
	return c.tried(errno.Error(), "", slowLoop, "a kernel with CONFIG_IO_URING")
}

func fuseOverUring() Check {
	c := Check{Name: "FUSE over io_uring"}
	value, err := os.ReadFile(transport.EnableUring)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c.tried("not in this kernel", "", slowLoop, "a kernel from Linux 6.14 on with CONFIG_FUSE_IO_URING")
	case err != nil:
		return c.tried(err.Error(), "", slowLoop, "vanishfs doctor --fix")
	case strings.TrimSpace(string(value)) != "Y":
		return c.tried("switched off", "", slowLoop, "vanishfs doctor --fix")
	}
	return c.tried("", "switched on", "", "")
}
