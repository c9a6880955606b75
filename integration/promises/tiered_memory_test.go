package promises

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"vanishfs/integration/harness"
)

// TestTieredMemory: the daemon, and with it what the kernel keeps on its behalf, stays within the budget, 8 MiB of
// buffers and 50 MiB of its own, however much is written and read. VANISHFS_LONG makes it 4 GiB through 256 MiB.
func TestTieredMemory(t *testing.T) {
	memory, size := int64(32*mib), int64(256*mib)
	if harness.Long() {
		memory, size = 256*mib, 4<<30
	}
	most := memory + 8*mib + 50*mib
	if harness.Race() {
		most += 400 * mib // the race detector's
	}
	onTiered(t, []string{fmt.Sprintf("--memory=%d", memory), "--size=0"}, func(t *testing.T, m *harness.Mount, _ string) {
		before := resident(t, m.PID, "VmRSS")
		group := newMemoryGroup(t, m.PID)
		m.Sh(t, fmt.Sprintf(`text() { yes "much more than memory may hold" | head -c %d; }
			text > "$D/f"
			dd if="$D/f" bs=1M iflag=direct status=none | { exec 3<&0; text | cmp - /dev/fd/3; }`, size))
		if s := m.Status(t); s.Spilled < size-memory || s.Fetched < size-memory || s.MemoryUsed > memory {
			t.Errorf("too little was moved, or too much kept: %+v", s)
		}
		peak := resident(t, m.PID, "VmHWM")
		t.Logf("KiB: budget %d; resident %d before, %d at most; locked %d", memory>>10, before>>10, peak>>10, resident(t, m.PID, "VmLck")>>10)
		if peak > most {
			t.Errorf("%d bytes were resident, at most %d may be", peak, most)
		}
		if group == nil {
			return
		}
		charged, cache := group.peak(t), group.pageCache(t)
		t.Logf("KiB charged to the daemon after its start: %d at most; page cache of that now %d", charged>>10, cache>>10)
		if before+charged > most {
			t.Errorf("%d bytes were in use with what the kernel keeps for the daemon, at most %d may be", before+charged, most)
		}
		if cache > 4*mib {
			t.Errorf("%d bytes of the kernel's page cache are the daemon's", cache)
		}
	})
}

// resident is a line of /proc/PID/status, bytes.
func resident(t *testing.T, pid int, name string) int64 {
	t.Helper()
	return field(t, fmt.Sprintf("/proc/%d/status", pid), name+":") << 10
}

// field is the number behind name in a file of such lines.
func field(t *testing.T, file, name string) int64 {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			return number(t, f[1])
		}
	}
	t.Fatalf("no %s in %s", name, file)
	return 0
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A memoryGroup is a memory cgroup: the kernel charges it for all memory that its processes cause, page cache and
// the kernel's own included, from when they are in it.
type memoryGroup struct {
	dir     string
	highest string // the file with the most that was in use
	cached  string // the line of memory.stat with the page cache
	bound   string // the file with the limit
}

// newMemoryGroup puts a process into a group of its own until the end of the test. It is nil where none can be made.
func newMemoryGroup(t *testing.T, pid int) *memoryGroup {
	t.Helper()
	if !harness.Root() {
		t.Log("not root: no memory cgroup can be made, what the kernel keeps for the daemon is not measured")
		return nil
	}
	var failed []error
	for _, g := range []*memoryGroup{
		{"/sys/fs/cgroup/memory", "memory.max_usage_in_bytes", "cache", "memory.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.peak", "file", "memory.max"},
	} {
		parent := g.dir
		g.dir = filepath.Join(parent, fmt.Sprintf("vanishfs-test-%d", pid))
		if err := g.make(pid); err != nil {
			failed = append(failed, err)
			continue
		}
		t.Cleanup(func() { g.leave(t, parent) })
		return g
	}
	t.Logf("no memory cgroup can be made, what the kernel keeps for the daemon is not measured: %v", errors.Join(failed...))
	return nil
}

func (g *memoryGroup) make(pid int) error {
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return err
	}
	_, err := os.Stat(filepath.Join(g.dir, g.highest)) // or else it is a directory like any other, or has no memory controller
	if err == nil {
		err = os.WriteFile(filepath.Join(g.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
	}
	if err != nil {
		os.Remove(g.dir)
	}
	return err
}

// leave has its processes be the parent's and removes the group.
func (g *memoryGroup) leave(t *testing.T, parent string) {
	pids, err := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	check(t, "read the cgroup", err)
	for _, pid := range strings.Fields(string(pids)) {
		check(t, "leave the cgroup", os.WriteFile(filepath.Join(parent, "cgroup.procs"), []byte(pid), 0))
	}
	check(t, "remove the cgroup", os.Remove(g.dir))
}

// limit has the kernel end a process of the group where all of them would cause more memory than that.
func (g *memoryGroup) limit(t *testing.T, bytes int64) {
	t.Helper()
	check(t, "limit the cgroup", os.WriteFile(filepath.Join(g.dir, g.bound), strconv.AppendInt(nil, bytes, 10), 0))
}

func (g *memoryGroup) peak(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.dir, g.highest))
	if err != nil {
		t.Fatal(err)
	}
	return number(t, string(text))
}

func (g *memoryGroup) pageCache(t *testing.T) int64 {
	t.Helper()
	return field(t, filepath.Join(g.dir, "memory.stat"), g.cached)
}
