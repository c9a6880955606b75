package run

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFindCommand(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"first/plain": 0o600, "second/plain": 0o700, "first/only": 0o600, "second/prog": 0o700} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+"/none:"+dir+"/first:"+dir+"/second:")
	t.Chdir(filepath.Join(dir, "second"))
	for _, c := range []struct {
		name, path string
		code       int
	}{
		{"prog", dir + "/second/prog", 0},
		{"plain", dir + "/second/plain", 0}, // one that cannot be executed is passed over
		{"./prog", "./prog", 0},
		{dir + "/second/prog", dir + "/second/prog", 0},
		{"only", "", ExitNotExecutable},
		{dir + "/first", "", ExitNotExecutable},
		{dir + "/first/plain", "", ExitNotExecutable},
		{"missing", "", ExitNotFound},
		{dir + "/missing", "", ExitNotFound},
		{dir + "/first/plain/x", "", ExitNotFound},
		{"", "", ExitNotFound},
	} {
		path, err := findCommand(c.name)
		var failed *failure
		if errors.As(err, &failed); path != c.path || (failed == nil) != (c.code == 0) || failed != nil && failed.code != c.code {
			t.Errorf("%q: got %q, %v, want %q, code %d", c.name, path, err, c.path, c.code)
		}
	}
}
