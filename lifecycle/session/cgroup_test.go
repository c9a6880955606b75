package session

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// mountedHierarchies are those that cgroups can be made in here, by how sessions use them.
func mountedHierarchies(t *testing.T) map[string]*cgroups {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make cgroups")
	}
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2", "cgroup"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*cgroups{}
	for _, m := range mounts {
		if unix.Access(m.Mountpoint, unix.W_OK) != nil {
			continue
		}
		h := &hierarchy{dir: m.Mountpoint, root: m.Root}
		switch {
		case m.FSType == "cgroup2":
			found["v2 by path"] = &cgroups{hierarchy: h}
			if c := (&cgroups{hierarchy: h, byPidfd: true}); c.pidfdsAgree() {
				found["v2 by pidfd"] = c
			} else {
				t.Log("this kernel does not tell cgroups by pidfd, Linux 6.13")
			}
		case isSystemds(m):
			h.name = systemdName
			found["v1"] = &cgroups{hierarchy: h}
		}
	}
	if len(found) == 0 {
		t.Skip("no cgroup hierarchy is mounted writable")
	}
	return found
}

func onHierarchies(t *testing.T, f func(t *testing.T, c *cgroups, m *Manager, e ender)) {
	for name, c := range mountedHierarchies(t) {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, Options{Kind: "process"})
			m.kind = c
			e := make(ender, 10)
			m.Start(e)
			f(t, c, m, e)
		})
	}
}

// group makes a cgroup, below another one or at the top, and removes it when its processes are gone.
func group(t *testing.T, above, name string) string {
	t.Helper()
	dir := filepath.Join(above, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeGroup(t, dir) })
	return dir
}

// removeGroup waits until the kernel has let go of those that ended. The group may be gone already.
func removeGroup(t *testing.T, dir string) {
	t.Helper()
	eventually(t, "remove "+dir, func() bool {
		err := unix.Rmdir(dir)
		return err == nil || errors.Is(err, unix.ENOENT)
	})
}

func enter(t *testing.T, dir string, pid uint32) {
	t.Helper()
	if err := os.WriteFile(dir+"/cgroup.procs", []byte(strconv.Itoa(int(pid))), 0); err != nil {
		t.Fatal(err)
	}
}

func uniqueName() string { return fmt.Sprintf("vanishfs-test-%d", os.Getpid()) }

func TestCgroup(t *testing.T) {
	onHierarchies(t, func(t *testing.T, c *cgroups, m *Manager, e ender) {
		dir := group(t, c.dir, uniqueName())
		below := group(t, dir, "below")
		first, second, deep, other := sleeper(t, nil), sleeper(t, nil), sleeper(t, nil), sleeper(t, nil)
		enter(t, dir, first.pid)
		enter(t, dir, second.pid)
		enter(t, below, deep.pid)
		scope := m.scopeOf(first.pid, 0)
		if want := "cgroup:/" + uniqueName(); scope == nil || scope.Name != want {
			t.Fatalf("scope %v, want %s", scope, want)
		}
		if m.scopeOf(second.pid, 0) != scope {
			t.Error("two processes of one cgroup got two scopes")
		}
		if s := m.scopeOf(other.pid, 0); s == scope {
			t.Error("a process outside got the scope")
		}
		scopeBelow := m.scopeOf(deep.pid, 0)
		if scopeBelow == nil || scopeBelow == scope {
			t.Errorf("the cgroup below has scope %v", scopeBelow)
		}
		first.end()
		second.end()
		if m.scopeOf(deep.pid, 0) != scopeBelow {
			t.Error("the scope of the cgroup below changed")
		}
		e.expectNone(t) // there is still somebody below
		deep.end()
		ended := map[any]bool{<-e: true, <-e: true}
		if !ended[scope] || !ended[scopeBelow] {
			t.Errorf("ended: %v", ended)
		}
		e.expectNone(t)
	})
}

// A process that is moved creates in its new cgroup's session; the old one ends with the last that leaves.
func TestCgroupMove(t *testing.T) {
	onHierarchies(t, func(t *testing.T, c *cgroups, m *Manager, e ender) {
		one, two := group(t, c.dir, uniqueName()), group(t, c.dir, uniqueName()+"-2")
		p := sleeper(t, nil)
		enter(t, one, p.pid)
		scope := m.scopeOf(p.pid, 0)
		enter(t, two, p.pid)
		moved := m.scopeOf(p.pid, 0)
		if moved == nil || moved == scope {
			t.Fatalf("scope %v after the move, %v before", moved, scope)
		}
		if c.name == "" { // in v1 only the end of the process that is watched is seen
			e.expect(t, scope)
			p.end()
			e.expect(t, moved)
			return
		}
		p.end()
		ended := map[any]bool{<-e: true, <-e: true}
		if !ended[scope] || !ended[moved] {
			t.Errorf("ended: %v", ended)
		}
	})
}

// A cgroup of the same path is another session; so is one that was empty in between.
func TestCgroupAgain(t *testing.T) {
	onHierarchies(t, func(t *testing.T, c *cgroups, m *Manager, e ender) {
		dir := group(t, c.dir, uniqueName())
		var last any
		for round := range 4 {
			p := sleeper(t, nil)
			enter(t, dir, p.pid)
			scope := m.scopeOf(p.pid, 0)
			if scope == nil || scope == last {
				t.Fatalf("round %d: scope %v", round, scope)
			}
			last = scope
			p.end()
			e.expect(t, scope)
			if round%2 == 0 {
				removeGroup(t, dir)
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// The top cgroup never ends.
func TestCgroupRoot(t *testing.T) {
	c, ok := mountedHierarchies(t)["v2 by path"]
	if !ok {
		t.Skip("no cgroup2 is mounted writable")
	}
	m, e := newManager(t, Options{Kind: "process"}), make(ender, 10)
	m.kind = c
	m.Start(e)
	p := sleeper(t, nil)
	enter(t, c.dir, p.pid)
	if s := m.scopeOf(p.pid, 0); s == nil || s.Name != "cgroup:/" {
		t.Errorf("scope %v", s)
	}
	p.end()
	e.expectNone(t)
}

func TestPlace(t *testing.T) {
	for _, c := range []struct{ root, path, want string }{
		{"/", "/", "/sys/fs/cgroup"},
		{"/", "/a.slice/b", "/sys/fs/cgroup/a.slice/b"},
		{"/", "/../b", ""}, // outside of the cgroup namespace
		{"/a", "/a/b", "/sys/fs/cgroup/b"},
		{"/a", "/ab", ""},
		{"/a", "/", ""},
		{"/", "/..a", "/sys/fs/cgroup/..a"},
	} {
		h := hierarchy{dir: "/sys/fs/cgroup", root: c.root}
		got, err := h.place(c.path)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s in %s: %q, %v, want %q", c.path, c.root, got, err, c.want)
		}
	}
}

func TestNoHierarchy(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2", "cgroup"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		unix.Unmount(m.Mountpoint, unix.MNT_DETACH)
	}
	_, err = New(Options{Kind: "cgroup"})
	if err == nil || err.Error() != "session cgroup: no cgroup2 and no systemd hierarchy is mounted; mount -t cgroup2 none /sys/fs/cgroup" {
		t.Error(err)
	}
}
