// Package memcg finds out how much memory the control group of this process may have (cgroups(7)).
package memcg

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// A Limit is the tightest that holds for this process.
type Limit struct {
	Bytes int64
	Group string // the cgroup that has it, or the process's where an outer one that cannot be seen has it
}

// Find returns the tightest limit of the process's memory cgroup and of those around it; ok is false where
// there is none below the RAM of the machine, or none can be seen.
func Find() (l Limit, ok bool) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return l, false
	}
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2", "cgroup"))
	if err != nil {
		return l, false
	}
	l, ok = find(string(text), mounts)
	return l, ok && l.Bytes < RAM()
}

// RAM is the machine's as tmpfs counts it (totalram_pages), bytes; 0 if unknown.
func RAM() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	return int64(uint64(info.Totalram) * uint64(info.Unit))
}

// Available is the RAM that this process may have: that of the machine, or of its cgroup if that is less.
func Available() int64 {
	if l, ok := Find(); ok {
		return l.Bytes
	}
	return RAM()
}

// find is Find with what /proc/self/cgroup and the mount table say. A controller is in one hierarchy only, and
// where v1 has one for memory, the process has a line for it.
func find(groups string, mounts []*mountinfo.Info) (Limit, bool) {
	if path, ok := groupOf(groups, "memory"); ok {
		return inV1(path, mounts)
	}
	if path, ok := groupOf(groups, ""); ok {
		return inV2(path, mounts)
	}
	return Limit{}, false
}

// groupOf is the path of the process's cgroup in the hierarchy with that controller, "" for v2.
func groupOf(groups, controller string) (path string, ok bool) {
	for line := range strings.Lines(groups) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) == 3 && slices.Contains(strings.Split(f[1], ","), controller) {
			return f[2], true
		}
	}
	return "", false
}

// inV1 reads what the kernel has found out about all levels (mm/memcontrol-v1.c, memcg1_stat_format),
// those that a namespace hides among them.
func inV1(path string, mounts []*mountinfo.Info) (Limit, bool) {
	for _, m := range mounts {
		if m.FSType != "cgroup" || !slices.Contains(strings.Split(m.VFSOptions, ","), "memory") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(place(m, path), "memory.stat"))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if number, ok := strings.CutPrefix(line, "hierarchical_memory_limit "); ok {
				n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
				return Limit{n, path}, err == nil
			}
		}
	}
	return Limit{}, false
}

// inV2 goes up to the mount's root, the last that can be seen.
func inV2(path string, mounts []*mountinfo.Info) (tightest Limit, ok bool) {
	for _, m := range mounts {
		if m.FSType != "cgroup2" {
			continue
		}
		for dir := place(m, path); ; dir = filepath.Dir(dir) {
			text, err := os.ReadFile(filepath.Join(dir, "memory.max"))
			if n, perr := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && perr == nil && (!ok || n < tightest.Bytes) {
				tightest, ok = Limit{n, filepath.Join(m.Root, strings.TrimPrefix(dir, m.Mountpoint))}, true
			}
			if len(dir) <= len(m.Mountpoint) {
				return tightest, ok
			}
		}
	}
	return tightest, ok
}

// place is the directory of a cgroup; of one outside of what is mounted, that of the mount.
func place(m *mountinfo.Info, path string) string {
	rel, err := filepath.Rel(m.Root, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return m.Mountpoint
	}
	return filepath.Join(m.Mountpoint, rel)
}

func (l Limit) String() string { return fmt.Sprintf("memory cgroup %s", l.Group) }
