package promises

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"

	"vanishfs/integration/harness"
)

// memoryCgroup makes a memory cgroup with that limit below the test's own and returns its directory.
func memoryCgroup(t *testing.T, limit int64) string {
	t.Helper()
	if !harness.Root() {
		t.Skip("making a cgroup takes root")
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	check(t, "cgroups", err)
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	check(t, "mounts", err)
	for _, v := range []struct{ fs, option, controller, file string }{
		{"cgroup", "memory", "memory", "memory.limit_in_bytes"}, {"cgroup2", "", "", "memory.max"},
	} {
		for _, m := range mounts {
			if m.FSType != v.fs || v.option != "" && !slices.Contains(strings.Split(m.VFSOptions, ","), v.option) {
				continue
			}
			for line := range strings.Lines(string(groups)) {
				f := strings.SplitN(strings.TrimSpace(line), ":", 3)
				if len(f) != 3 || !slices.Contains(strings.Split(f[1], ","), v.controller) {
					continue
				}
				rel, err := filepath.Rel(m.Root, f[2])
				check(t, "cgroup", err)
				dir := filepath.Join(m.Mountpoint, rel, fmt.Sprintf("vanishfs-test-%d-%d", os.Getpid(), limit))
				if os.Mkdir(dir, 0o755) != nil {
					continue
				}
				if os.WriteFile(filepath.Join(dir, v.file), []byte(fmt.Sprint(limit)), 0) != nil {
					os.Remove(dir) // v2 without the controller
					continue
				}
				t.Cleanup(func() {
					if !harness.Within(harness.Patience, func() bool { return os.Remove(dir) == nil }) {
						t.Errorf("%s cannot be removed", dir)
					}
				})
				return dir
			}
		}
	}
	t.Skip("no memory cgroup can be made on this machine")
	return ""
}

// inCgroup is the program started in a cgroup.
func inCgroup(u harness.User, dir string, args ...string) *exec.Cmd {
	script := fmt.Sprintf(`echo $$ > %s/cgroup.procs; exec "$@"`, dir)
	argv := []string{"-c", script, "sh"}
	if u.UID != 0 {
		argv = append(argv, "setpriv", fmt.Sprint("--reuid=", u.UID), fmt.Sprint("--regid=", u.GID), "--clear-groups")
	}
	cmd := exec.Command("sh", append(append(argv, harness.Program()), args...)...)
	cmd.Dir, cmd.Env = "/", append(os.Environ(), "HOME="+u.Home)
	return cmd
}

// TestMemoryCgroup: what is said in shares of RAM is of what the memory cgroup has, a cap that is larger than that
// is warned of, and the default fills up with ENOSPC, not with the end of the daemon.
func TestMemoryCgroup(t *testing.T) {
	const limit = 256 * mib
	dir := memoryCgroup(t, limit)
	inner := filepath.Join(dir, "inner") // without a limit of its own
	check(t, "inner cgroup", os.Mkdir(inner, 0o755))
	defer func() {
		harness.Within(harness.Patience, func() bool { return os.Remove(inner) == nil })
	}()
	const size = `df -B1 --output=size /tmp | tail -1 | tr -d ' '`
	const full = `head -c 1000000000 /dev/zero > /tmp/f; stat -c %s /tmp/f`
	onRunners(t, func(t *testing.T, u harness.User) {
		for _, c := range []struct {
			flags        []string
			script, want string
			warns        bool
		}{
			{nil, size, fmt.Sprint(limit / 2), false},
			{[]string{"--size=25%"}, size, fmt.Sprint(limit / 4), false},
			{[]string{"--passthrough=off"}, full, fmt.Sprint(limit / 2), false},
			{[]string{"--size=128MiB"}, size, fmt.Sprint(128 * mib), false},
			{[]string{"--size=400MiB"}, size, fmt.Sprint(400 * mib), true},
			{[]string{"--size=0", "--passthrough=off"}, "echo", "", true},
			{[]string{"--store=tiered", "--size=1GiB"}, size, fmt.Sprint(1024 * mib), false},
			{[]string{"--store=tiered", "--size=1GiB", "--memory=300MiB"}, size, fmt.Sprint(1024 * mib), true},
		} {
			for _, cgroup := range []string{dir, inner} {
				cmd := inCgroup(u, cgroup, append(append([]string{"run"}, c.flags...), "--", "sh", "-c", c.script+" 2>&-")...)
				var said strings.Builder
				cmd.Stderr = &said
				out, err := cmd.Output()
				if got := strings.TrimSpace(string(out)); err != nil || got != c.want {
					t.Errorf("%v: %v, %q, want %q; %s", c.flags, err, got, c.want, said.String())
				}
				if warned := strings.Contains(said.String(), "memory cgroup"); warned != c.warns || strings.Count(said.String(), "\n") > 1 {
					t.Errorf("%v: said %q", c.flags, said.String())
				}
			}
		}
		out, _ := inCgroup(u, inner, "doctor").Output()
		if !strings.Contains(string(out), "memory cgroup") || !strings.Contains(string(out), "has 256 MiB") {
			t.Errorf("doctor: %s", out)
		}
	})
}
