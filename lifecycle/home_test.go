package lifecycle

import (
	"slices"
	"testing"

	"github.com/moby/sys/mountinfo"
)

// TestNeedless: what a daemon does not need is detached from the outside, so that nothing inside of it is looked up.
func TestNeedless(t *testing.T) {
	var mounts []*mountinfo.Info
	for i, m := range []struct {
		parent int
		at     string
	}{
		1: {0, "/"}, 2: {1, "/proc"}, 3: {1, "/sys"}, 4: {3, "/sys/fs/cgroup"}, 5: {1, "/mnt/remote"}, 6: {5, "/mnt/remote/a/b"},
		7: {6, "/mnt/remote/a/b/proc"}, 8: {1, "/tmp"}, 9: {8, "/tmp"}, 10: {9, "/tmp/m"}, 11: {1, "/processes"}, 12: {1, "/dev"}, 13: {12, "/dev/shm"},
	} {
		if m.at != "" {
			mounts = append(mounts, &mountinfo.Info{ID: i, Parent: m.parent, Mountpoint: m.at})
		}
	}
	if got, want := needless(mounts), []string{"/processes", "/tmp", "/tmp", "/mnt/remote"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
