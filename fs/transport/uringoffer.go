package transport

import (
	"errors"
	"os"
	"runtime"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// EnableUring is the switch of FUSE over io_uring in the running kernel: Y or N (fs/fuse/dev_uring.c, Linux 6.14).
const EnableUring = "/sys/module/fuse/parameters/enable_uring"

// wantUring is the capability to take for io_uring, or 0 with the reason noted.
// It is found out before it is taken: the kernel then holds back all requests
// until the queues are there.
func (s *Server) wantUring(in *fuse.InitIn) uint64 {
	if in.Flags64()&fuse.CAP_OVER_IO_URING == 0 {
		s.without("io_uring transport is off: " + whyNotOffered())
		return 0
	}
	if err := tryRing(); err != nil {
		s.without("io_uring transport is off: " + whyNoRing(err))
		return 0
	}
	queues, err := cpuCount()
	if err != nil {
		s.without("io_uring transport is off: cannot count the CPUs: " + err.Error())
		return 0
	}
	s.queues = queues
	return fuse.CAP_OVER_IO_URING
}

// whyNotOffered is asked only where the kernel does not offer it.
func whyNotOffered() string {
	value, err := os.ReadFile(EnableUring)
	if err != nil {
		return "the kernel has no FUSE over io_uring (Linux 6.14 with CONFIG_FUSE_IO_URING has)"
	}
	if strings.TrimSpace(string(value)) == "N" {
		return "it is disabled in the kernel; root enables it with: echo Y > " + EnableUring
	}
	return "the kernel does not offer it to this mount"
}

func whyNoRing(err error) string {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		return err.Error() + " (see sysctl kernel.io_uring_disabled, and the seccomp profile of a container)"
	}
	return err.Error()
}

// tryRing makes a ring and drops it, on a thread that nobody else will get: a
// ring leaves traces on the thread that made it.
func tryRing() error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		r, err := newRing(1, 2)
		if err == nil {
			r.close()
		}
		result <- err
	}()
	return <-result
}
