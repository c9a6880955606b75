package harness

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// WatchKernel fails the test if the kernel complains until its end. Only root may look; without, it says so.
func WatchKernel(t testing.TB) {
	t.Helper()
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Seek(fd, 0, unix.SEEK_END)
	}
	if err != nil {
		t.Logf("the kernel's log is not watched: %v", err)
		return
	}
	t.Cleanup(func() {
		defer unix.Close(fd)
		for record := make([]byte, 8192); ; {
			n, err := unix.Read(fd, record) // one record, or EAGAIN at the end
			switch {
			case err == unix.EPIPE: // overwritten before it was read: go on with what there is
			case err == unix.EINTR:
			case err != nil:
				return
			case complaint(string(record[:n])):
				t.Errorf("the kernel says: %s", record[:n])
			}
		}
	})
}

// complaint says whether a record of the kernel's log is about a bug in the kernel. A
// lockup may be a virtual machine that was held up.
func complaint(record string) bool {
	for _, word := range []string{"cut here", "WARNING:", "BUG:", "Oops"} {
		if strings.Contains(record, word) {
			return !strings.Contains(record, "lockup")
		}
	}
	return false
}
