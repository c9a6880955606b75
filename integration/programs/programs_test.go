package programs

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vanishfs/integration/harness"
)

// A way is how vanishfs is had for a program.
type way struct {
	name  string
	user  harness.User
	flags []string // nil: no vanishfs, the script runs on the machine's own /tmp
}

func ways(t *testing.T) []way {
	t.Helper()
	ws := []way{{"user", harness.Ordinary(t), []string{"--size=2GiB"}}}
	if harness.Root() {
		ws = append(ws,
			way{"direct", harness.Current(), []string{"--size=2GiB"}},
			way{"mediated", harness.Current(), []string{"--size=2GiB", "--passthrough=off"}})
	}
	return ws
}

// TestPrograms runs every script of testdata in every way. A first line
// `# flags: ...` adds flags of run.
func TestPrograms(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.sh")
	if err != nil || len(scripts) < 10 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range ways(t) {
			t.Run(strings.TrimSuffix(filepath.Base(script), ".sh")+"/"+w.name, func(t *testing.T) { w.run(t, script, string(text)) })
		}
	}
}

func (w way) run(t *testing.T, script, text string) {
	flags := append([]string{"run"}, w.flags...)
	if line, _, _ := strings.Cut(text, "\n"); strings.HasPrefix(line, "# flags: ") {
		flags = append(flags, strings.Fields(strings.TrimPrefix(line, "# flags: "))...)
	}
	dir := harness.Mkdir(t, w.user)
	place := filepath.Join(dir, filepath.Base(script))
	if err := os.WriteFile(place, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	// HOME is the script's own; what the Go tools have built already is not built again.
	cmd := harness.Vanishfs(w.user, append(flags, "--", "bash", "-euo", "pipefail", place)...)
	cmd.Env = append(cmd.Environ(), "HOME="+dir, "LC_ALL=C", "PYENV_VERSION=", "DATA="+testdata(t), "GOCACHE="+cache(t, w.user), "GOFLAGS=-mod=mod",
		"GOTOOLCHAIN=local", "VANISHFS="+harness.Program(), "GIT_CONFIG_NOSYSTEM=1", "TMUX=")
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// cache is a Go build cache that u can write to: where the tests run as root the ordinary user gets one of his own, for this run.
func cache(t *testing.T, u harness.User) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	if u.UID == os.Getuid() {
		return strings.TrimSpace(string(out))
	}
	dir := filepath.Join(harness.Scratch(), "go-cache")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, u.UID, u.GID); err != nil {
		t.Fatal(err)
	}
	return dir
}

// testdata is a copy of testdata that every user can read.
func testdata(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(harness.Scratch(), "testdata")
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o755)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
