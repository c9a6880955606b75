package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vanishfs/fs/process"
	"vanishfs/fs/transport"
)

func TestMain(m *testing.M) {
	process.Become()
	os.Exit(m.Run())
}

// Whatever this machine allows, the report says it in the form it promises.
func TestExamine(t *testing.T) {
	r := Examine()
	run := true
	for _, c := range r.Checks {
		if c.Name == "" || c.Detail == "" {
			t.Errorf("incomplete: %+v", c)
		}
		switch c.State {
		case OK, NotApplicable:
		case Missing:
			if c.Costs == "" || c.Enable == "" {
				t.Errorf("%s is missing without price or remedy: %+v", c.Name, c)
			}
			run = run && !c.Needed
		default:
			t.Errorf("%s: state %q", c.Name, c.State)
		}
		if strings.Contains(c.Detail+c.Costs+c.Enable, "\n") {
			t.Errorf("%s: more than one line: %+v", c.Name, c)
		}
	}
	if r.Run != run {
		t.Errorf("run is %v, the checks say %v", r.Run, run)
	}
}

// The same probe has to come to the same result in a child process, apart from what a user namespace forbids. An
// ordinary user can mount there only.
func TestProbeInNamespace(t *testing.T) {
	here := probe()
	inside, err := probeInNamespace()
	if root := os.Geteuid() == 0; root != (here.Mount == "") || err != nil {
		t.Fatalf("these tests need a machine where FUSE can be mounted: %q, %v", here.Mount, err)
	} else if !root {
		here.Minor = max(inside.Minor, 1)
	}
	if inside.Mount != "" || inside.Minor != here.Minor || inside.Tmpfs != "" {
		t.Errorf("in a user namespace: %+v; outside: %+v", inside, here)
	}
	if inside.Passthrough == "" || inside.NoSwap == "" {
		t.Errorf("a user namespace allows what needs the initial one: %+v", inside)
	}
}

func TestMounting(t *testing.T) {
	good, bad := findings{}, findings{Mount: "not permitted"}
	present, absent := Check{State: OK}, Check{State: Missing}
	for _, c := range []struct {
		name         string
		dev          Check
		here, inside findings
		err          error
		want         State
	}{
		{"root", present, good, good, nil, OK},
		{"root without user namespaces", present, good, bad, os.ErrPermission, OK},
		{"user", present, bad, good, nil, OK},
		{"user in a sandbox", present, bad, bad, nil, Missing},
		{"user without user namespaces", present, bad, bad, os.ErrPermission, NotApplicable},
		{"no device", absent, bad, bad, nil, NotApplicable},
	} {
		if got := mounting(c.dev, c.here, c.inside, c.err); got.State != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestLists(t *testing.T) {
	const text = "nodev\tsysfs\n\tfuseblk\nnodev\tfuse\n"
	for name, want := range map[string]bool{"fuse": true, "fuseblk": true, "sysfs": true, "nodev": false, "ext4": false} {
		if got := lists(text, name); got != want {
			t.Errorf("lists(%q) = %v", name, got)
		}
	}
}

func TestHasLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fuse.conf")
	for text, want := range map[string]bool{
		"user_allow_other\n":              true,
		"mount_max = 5\nuser_allow_other": true,
		"  user_allow_other \n":           true,
		"#user_allow_other\n":             false,
		"":                                false,
	} {
		write(t, path, text)
		if got, err := hasLine(path, "user_allow_other"); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// write makes a file with the directories above it.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFixModule(t *testing.T) {
	root := t.TempDir()
	write(t, root+transport.EnableUring, "N\n")
	write(t, root+"/sys/module/fuse/initstate", "live\n")
	did, err := fixIn(root)
	if err != nil || len(did) != 2 {
		t.Fatalf("did %q, %v", did, err)
	}
	if got := read(t, root+transport.EnableUring); got != "Y" {
		t.Errorf("parameter is %q", got)
	}
	if got := read(t, root+modprobeConf); !strings.Contains(got, "\noptions fuse enable_uring=1\n") {
		t.Errorf("%s is %q", modprobeConf, got)
	}
	if _, err := os.Stat(root + tmpfilesConf); !os.IsNotExist(err) {
		t.Errorf("%s: %v", tmpfilesConf, err)
	}
	if did, err := fixIn(root); err != nil || len(did) != 0 {
		t.Errorf("the second time: did %q, %v", did, err)
	}
}

func TestFixBuiltIn(t *testing.T) {
	root := t.TempDir()
	write(t, root+transport.EnableUring, "Y\n")
	did, err := fixIn(root)
	if err != nil || len(did) != 2 {
		t.Fatalf("did %q, %v", did, err)
	}
	if got := read(t, root+transport.EnableUring); got != "Y\n" {
		t.Errorf("parameter was written: %q", got)
	}
	if got := read(t, root+tmpfilesConf); !strings.Contains(got, "w- "+transport.EnableUring+" - - - - Y\n") {
		t.Errorf("%s is %q", tmpfilesConf, got)
	}
}

func TestFixWithoutParameter(t *testing.T) {
	root := t.TempDir()
	did, err := fixIn(root)
	if err == nil || len(did) != 0 {
		t.Errorf("did %q, %v", did, err)
	}
	if entries, _ := os.ReadDir(root); len(entries) != 0 {
		t.Errorf("something was written: %v", entries)
	}
}
