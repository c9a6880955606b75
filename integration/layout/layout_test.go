// Package layout holds the project to its shape: which directories there are,
// who may import whom, and where unsafe code may live.
package layout

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "vanishfs"

// edges says what each package may import of the module, first match wins. A
// trailing slash-dots means the package and all below it. Its tests may import that, the package itself and forTests.
var edges = []struct {
	from string
	to   []string
}{
	{"cmd/vanishfs", []string{"lifecycle/..."}},
	{"lifecycle/...", []string{"lifecycle/...", "fs", "fs/transport", "fs/store", "fs/store/seal", "fs/store/tiered", "fs/process", "fs/mounts", "quota"}},
	{"fs", []string{"fs/store", "fs/mounts", "quota"}},
	{"fs/transport/...", []string{"fs/transport/...", "fs/process", "fs/mounts"}},
	{"fs/store/storetest", []string{"fs/store"}},
	{"fs/store/...", []string{"fs/store", "fs/store/seal", "fs/process", "fs/mounts", "quota"}},
	{"fs/process", nil},
	{"fs/mounts", nil},
	{"quota/...", []string{"quota/..."}},
	{"integration/...", []string{"..."}},
	{"scripts/...", []string{"..."}},
}

// forTests is what every test may import besides.
var forTests = []string{"fs/store/storetest", "fs/process"}

type pkg struct {
	ImportPath, Dir           string
	GoFiles, Imports          []string
	TestImports, XTestImports []string
	CgoFiles                  []string
}

func packages(t *testing.T) (list []pkg) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) < 8 {
		t.Fatalf("only %d packages", len(list))
	}
	return list
}

func matches(path, pattern string) bool {
	base, all := strings.CutSuffix(pattern, "...")
	if !all {
		return path == pattern
	}
	return base == "" || path == strings.TrimSuffix(base, "/") || strings.HasPrefix(path, base)
}

// TestImportsRunOneWay: cmd -> lifecycle -> {fs, fs/transport} -> {fs/store, quota}.
func TestImportsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module+"/")
		i := slices.IndexFunc(edges, func(e struct {
			from string
			to   []string
		}) bool {
			return matches(from, e.from)
		})
		if i < 0 {
			t.Errorf("%s has no place in the layout", p.ImportPath)
			continue
		}
		check := func(who string, imports, may []string) {
			for _, imp := range imports {
				to, ours := strings.CutPrefix(imp, module+"/")
				if ours && !slices.ContainsFunc(may, func(pattern string) bool { return matches(to, pattern) }) {
					t.Errorf("%s must not import %s", who, imp)
				}
			}
		}
		check(p.ImportPath, p.Imports, edges[i].to)
		check("tests of "+p.ImportPath, slices.Concat(p.TestImports, p.XTestImports), slices.Concat(edges[i].to, forTests, []string{from}))
		if from == "quota" {
			for _, imp := range p.Imports {
				if strings.Contains(strings.Split(imp, "/")[0], ".") {
					t.Errorf("quota imports %s: it is to use the standard library only", imp)
				}
			}
		}
	}
}

// TestUnsafeIsMarked: unsafe only in files named *_unsafe.go, and no cgo.
func TestUnsafeIsMarked(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.CgoFiles) > 0 {
			t.Errorf("%s has cgo files", p.ImportPath)
		}
		for _, name := range p.GoFiles {
			if strings.HasSuffix(name, "_unsafe.go") {
				continue
			}
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "\t\"unsafe\"\n") || strings.Contains(string(text), "import \"unsafe\"") {
				t.Errorf("%s/%s imports unsafe", p.ImportPath, name)
			}
		}
	}
}

// TestTopLevel: the top level of the repository is fixed.
func TestTopLevel(t *testing.T) {
	allowed := []string{".ci", ".git", ".gitignore", "LICENSE", "README.md", "cmd", "fs", "go.mod", "go.sum", "integration", "lifecycle", "quota", "scripts"}
	list, err := os.ReadDir(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s has no place at the top level", e.Name())
		}
	}
	for _, name := range []string{"README.md", ".ci/run", "scripts/test"} {
		if _, err := os.Stat(filepath.Join(root(t), name)); err != nil {
			t.Error(err)
		}
	}
}

// TestNoReplace: libraries are used as they are published.
func TestNoReplace(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(strings.TrimSpace(line), "replace") {
			t.Errorf("go.mod: %s", line)
		}
	}
}

func root(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatalf("go list -m: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// TestLongTestsAreNamed: scripts/test -long runs tests that there are, and no file that asks harness.Long is without one.
func TestLongTestsAreNamed(t *testing.T) {
	script, err := os.ReadFile(filepath.Join(root(t), "scripts/test"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(script), "\nLONG='")
	list, _, _ = strings.Cut(list, "'")
	names := strings.Fields(list)
	files, err := filepath.Glob(filepath.Join(root(t), "integration/promises/*_test.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d names, %v", len(names), err)
	}
	found := make(map[string]bool)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		any := false
		for _, name := range names {
			if strings.Contains(string(text), "\nfunc "+name+"(") {
				found[name], any = true, true
			}
		}
		if !any && strings.Contains(string(text), "harness.Long()") {
			t.Errorf("%s asks harness.Long, and scripts/test -long runs none of its tests", file)
		}
	}
	for _, name := range names {
		if !found[name] {
			t.Errorf("scripts/test -long is to run %s, which does not exist", name)
		}
	}
}
