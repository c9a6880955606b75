package memcg

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/sys/mountinfo"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	v1, v2 := t.TempDir(), t.TempDir()
	write(t, v1+"/a/b/memory.stat", "cache 1\nhierarchical_memory_limit 83886080\nhierarchical_memsw_limit 1\n")
	write(t, v1+"/memory.stat", "hierarchical_memory_limit 9223372036854771712\n")
	write(t, v2+"/x/memory.max", "1000\n")
	write(t, v2+"/x/y/memory.max", "500\n")
	write(t, v2+"/x/y/z/memory.max", "max\n")
	write(t, v2+"/x/w/memory.max", "2000\n")
	write(t, v2+"/free/memory.max", "max\n")
	memory := &mountinfo.Info{FSType: "cgroup", VFSOptions: "rw,memory", Mountpoint: v1, Root: "/"}
	cpu := &mountinfo.Info{FSType: "cgroup", VFSOptions: "rw,cpu,cpuacct", Mountpoint: v2, Root: "/"}
	unified := &mountinfo.Info{FSType: "cgroup2", Mountpoint: v2, Root: "/"}
	inner := &mountinfo.Info{FSType: "cgroup2", Mountpoint: v2 + "/x", Root: "/x"}
	for _, c := range []struct {
		groups string
		mounts []*mountinfo.Info
		want   Limit
		ok     bool
	}{
		{"4:memory:/a/b\n0::/x/y\n", []*mountinfo.Info{cpu, memory, unified}, Limit{80 << 20, "/a/b"}, true},
		{"4:cpu,memory:/a/b\n", []*mountinfo.Info{memory}, Limit{80 << 20, "/a/b"}, true},
		{"4:memory:/outer/a\n", []*mountinfo.Info{memory}, Limit{}, false},
		{"4:memory:/a/b\n", []*mountinfo.Info{cpu, unified}, Limit{}, false},
		{"0::/x/y/z\n", []*mountinfo.Info{unified}, Limit{500, "/x/y"}, true},
		{"0::/x/w\n", []*mountinfo.Info{unified}, Limit{1000, "/x"}, true},
		{"0::/x/w\n", []*mountinfo.Info{inner}, Limit{1000, "/x"}, true},
		{"0::/../other\n", []*mountinfo.Info{inner}, Limit{1000, "/x"}, true},
		{"0::/free\n", []*mountinfo.Info{unified}, Limit{}, false},
		{"0::/x\n", nil, Limit{}, false},
		{"", []*mountinfo.Info{unified}, Limit{}, false},
	} {
		if got, ok := find(c.groups, c.mounts); ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %v, %v, want %v, %v", c.groups, got, ok, c.want, c.ok)
		}
	}
}
