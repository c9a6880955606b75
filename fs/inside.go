package fs

import (
	"os"
	"strconv"

	"github.com/moby/sys/mountinfo"
)

// mountsInside says whether something is mounted inside a vanishfs as the process sees it, also if
// that cannot be told. For the kernel to drop a name is to detach what is mounted there or below
// (fs/dcache.c, d_invalidate).
func mountsInside(pid uint32) bool {
	table, err := os.Open("/proc/" + strconv.FormatUint(uint64(pid), 10) + "/mountinfo")
	if err != nil {
		return true
	}
	defer table.Close()
	mounts, err := mountinfo.GetMountsFromReader(table, nil)
	if err != nil {
		return true
	}
	ours := make(map[int]bool)
	for _, m := range mounts {
		ours[m.ID] = m.FSType == "fuse.vanishfs"
	}
	for _, m := range mounts {
		if ours[m.Parent] {
			return true
		}
	}
	return false
}
