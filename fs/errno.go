package fs

import (
	"errors"
	"log/slog"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// status is the one place that turns errors into what the kernel is told.
// What is no errno is a fault of ours or of the disk: EIO, with a log line.
func (f *FS) status(op string, err error) fuse.Status {
	if err == nil {
		return fuse.OK
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return fuse.Status(errno)
	}
	f.log.Error("request failed", slog.String("op", op), slog.Any("error", err))
	return fuse.EIO
}

const nameMax = 255 // bytes in a name, as on tmpfs

// checkName refuses names that no file can have. The kernel's own limit is
// larger (FUSE_NAME_MAX).
func checkName(name string) error {
	switch {
	case len(name) > nameMax:
		return syscall.ENAMETOOLONG
	case name == "" || name == "." || name == "..":
		return syscall.EINVAL
	}
	for i := range len(name) {
		if name[i] == '/' || name[i] == 0 {
			return syscall.EINVAL
		}
	}
	return nil
}
