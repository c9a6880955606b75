package fs

import (
	"math"
	"strconv"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Where mounts may be id-mapped (Options.IDMapped), the kernel says of a request whose it is only where it makes
// something, and then as the mount has it that it came through (fs/fuse/dev.c, fuse_get_req). Of all others the
// user is nobody. What anybody may do with a file the kernel has decided by then: such a mount is not private.

// nobody is the user of such a request (include/uapi/linux/fuse.h, FUSE_INVALID_UIDGID).
const nobody = math.MaxUint32

// Caller is whose request that is, to share out among users what they take and to keep what was promised to one.
// It is not to be compared with the owners of files, which a mount may map. Nobody where it cannot be told.
func (f *FS) Caller(h *fuse.InHeader) uint32 {
	if !f.opts.IDMapped {
		return h.Uid
	}
	return userOf(h.Pid)
}

// userOf is the effective user of a thread, which is the owner of its directory in /proc whatever else is hidden
// of it (fs/proc/base.c, task_dump_owner).
func userOf(tid uint32) uint32 {
	var st syscall.Stat_t
	if tid == 0 || !seesProcesses() || syscall.Stat("/proc/"+strconv.FormatUint(uint64(tid), 10), &st) != nil {
		return nobody
	}
	return st.Uid
}

// seesProcesses reports whether /proc is of this pid namespace: else numbers mean others there.
var seesProcesses = sync.OnceValue(func() bool {
	self, ok := statusOf("/proc/self")
	return ok && len(self["NSpid"]) <= 1
})
