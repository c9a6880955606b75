package fs

import (
	"io"
	"os"
	"strconv"

	"github.com/moby/sys/mountinfo"

	"vanishfs/fs/mounts"
)

// mostMounts is how long a mount table is read, bytes: somebody may fill that of his own namespace
// (sysctl fs.mount-max), and the caller of a chmod waits for us, and others behind him.
const mostMounts = 1 << 20

// mountsInside says whether something is mounted inside a vanishfs as the process sees it, also if
// that cannot be told or takes long. For the kernel to drop a name is to detach what is mounted there or below
// (fs/dcache.c, d_invalidate).
func mountsInside(pid uint32) bool {
	table, err := os.Open("/proc/" + strconv.FormatUint(uint64(pid), 10) + "/mountinfo")
	if err != nil {
		return true
	}
	defer table.Close()
	bounded := io.LimitedReader{R: table, N: mostMounts}
	list, err := mountinfo.GetMountsFromReader(&bounded, nil)
	if err != nil || bounded.N == 0 {
		return true
	}
	ours := make(map[int]bool)
	for _, m := range list {
		ours[m.ID] = m.FSType == mounts.Type
	}
	for _, m := range list {
		if ours[m.Parent] {
			return true
		}
	}
	return false
}
