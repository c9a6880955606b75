package promises

import (
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// faults writes to every page of m and syncs it. It is 0 if that raised SIGBUS;
// where the daemon stands between the mapping and the bytes, the cap shows when
// they are written back, as an error of msync.
func faults(m []byte, fd int) (code int) {
	debug.SetPanicOnFault(true)
	defer func() {
		if recover() != nil {
			code = 0
		}
	}()
	for off := 0; off < len(m); off += 4096 {
		m[off] = 1
	}
	if unix.Msync(m, unix.MS_SYNC) != nil || unix.Fsync(fd) != nil {
		return 0
	}
	return 4
}
