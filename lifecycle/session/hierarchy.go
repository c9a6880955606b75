package session

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// A hierarchy is a mounted tree of cgroups.
type hierarchy struct {
	dir  string // where it is mounted
	root string // the cgroup that is mounted there, "/" mostly
	name string // second field in /proc/PID/cgroup: empty for v2, "name=systemd" for that of v1
}

// findHierarchy prefers v2, which a hybrid machine mounts somewhere too, to the
// one of v1 that systemd keeps processes in. Both show every process.
func findHierarchy() (*hierarchy, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2", "cgroup"))
	if err != nil {
		return nil, err
	}
	// One that is mounted whole is better than a part of it.
	slices.SortStableFunc(mounts, func(a, b *mountinfo.Info) int { return len(a.Root) - len(b.Root) })
	var found *hierarchy
	for _, m := range mounts {
		switch {
		case m.FSType == "cgroup2":
			return &hierarchy{dir: m.Mountpoint, root: m.Root}, nil
		case found == nil && isSystemds(m):
			found = &hierarchy{dir: m.Mountpoint, root: m.Root, name: systemdName}
		}
	}
	if found == nil {
		return nil, errors.New("no cgroup2 and no systemd hierarchy is mounted; mount -t cgroup2 none /sys/fs/cgroup")
	}
	return found, nil
}

func isSystemds(m *mountinfo.Info) bool {
	return m.FSType == "cgroup" && slices.Contains(strings.Split(m.VFSOptions, ","), systemdName)
}

const systemdName = "name=systemd"

// path is the cgroup of a thread as /proc/TID/cgroup shows it.
func (h *hierarchy) path(tid int) (string, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) == 3 && f[1] == h.name && (h.name != "" || f[0] == "0") {
			return f[2], nil
		}
	}
	return "", fmt.Errorf("/proc/%d/cgroup has no line of the hierarchy at %s", tid, h.dir)
}

// place is the directory of a cgroup; an error if it is outside of what is mounted.
func (h *hierarchy) place(path string) (string, error) {
	rel, err := filepath.Rel(h.root, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") || path == "/.." || strings.HasPrefix(path, "/../") {
		return "", fmt.Errorf("cgroup %s is not visible at %s: %w", path, h.dir, errOutside)
	}
	return filepath.Join(h.dir, rel), nil
}

// idOf is the id of the cgroup with that directory (kernel/cgroup/cgroup.c,
// cgroup_id, and fs/kernfs/inode.c). Ids are not used again.
func idOf(dir string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return 0, &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	return uint64(st.Ino), nil
}
