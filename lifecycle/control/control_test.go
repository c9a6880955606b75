package control

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"vanishfs/lifecycle/option"
)

// What works on a mount is shown where mounts are made; here is what must not
// pass for one, however much it looks like it.
func TestOtherFilesystems(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, ".vanish/new"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	for _, path := range []string{file, filepath.Join(dir, ".vanish/status")} {
		if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, _, statusErr := ReadStatus(dir)
	for name, err := range map[string]error{
		"removal": SetRemoval(file, "keep"),
		"options": Change(dir, option.Set{"size": "0"}),
		"status":  statusErr,
	} {
		if !errors.Is(err, ErrNotVanishfs) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := SetRemoval(filepath.Join(dir, "missing"), "keep"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestTopOf(t *testing.T) {
	for path, want := range map[string]string{"/proc/self/net": "/proc", "/proc": "/proc", "/": "/"} {
		if got, err := topOf(path); err != nil || got != want {
			t.Errorf("topOf(%q) = %q, %v; want %q", path, got, err, want)
		}
	}
}
