package fs

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// inGroup says whether the caller is a member of a group. A request names one
// of his groups; the others are looked up where the answer would be no.
func inGroup(c *fuse.Caller, gid uint32) bool {
	return c.Gid == gid || slices.Contains(moreGroups(c.Pid), gid)
}

// moreGroups reads the supplementary groups of a process (proc(5),
// /proc/pid/status); none if it cannot be seen from here.
func moreGroups(pid uint32) (groups []uint32) {
	status, err := os.Open("/proc/" + strconv.FormatUint(uint64(pid), 10) + "/status")
	if err != nil {
		return nil
	}
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		list, ok := strings.CutPrefix(lines.Text(), "Groups:")
		if !ok {
			continue
		}
		for _, word := range strings.Fields(list) {
			if g, err := strconv.ParseUint(word, 10, 32); err == nil {
				groups = append(groups, uint32(g))
			}
		}
		break
	}
	return groups
}
