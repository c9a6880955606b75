package lifecycle

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"vanishfs/lifecycle/memcg"
)

// daemonMemory is what the daemon takes beside the files, bytes.
const daemonMemory = 64 << 20

// room is what files may have of a limit: at least half, which is the default of --size.
func room(l memcg.Limit) int64 { return l.Bytes - min(daemonMemory, l.Bytes/2) }

// complainOfMemory warns where the files may have more memory than there is for them: the kernel
// counts a page for the cgroup of whoever writes it first (mm/memcontrol.c, charge_memcg), which is the daemon's
// on the mediated plane, and ends a process of a cgroup that has too much. It is no error: with swap it may
// work, and on the direct plane the writers may be in other cgroups.
func (c *Config) complainOfMemory(direct bool) {
	l, limited := memcg.Find()
	files, what := c.Size, "size"
	if c.Store == "tiered" {
		files, what = c.Memory, "memory"
	}
	if !limited || files > 0 && files <= room(l) {
		return
	}
	who := "the daemon, which the kernel ends before that is full, and every file with it"
	if direct {
		who = "the daemon and its children; the kernel ends one of those before that is full"
	}
	have := "no limit"
	if files > 0 {
		have = humanize.IBytes(uint64(files))
	}
	c.Logger.Warn(fmt.Sprintf("%s is %s, but %s has %s for %s", what, have, l, humanize.IBytes(uint64(l.Bytes)), who),
		"hint", fmt.Sprintf("--%s at most %s, or more for the cgroup", what, humanize.IBytes(uint64(room(l)))))
}
