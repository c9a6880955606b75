package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What is written for people: README, the manual, and the comments at the top of packages.

type document struct{ path, text string }

func documents(t *testing.T) []document {
	t.Helper()
	paths := []string{filepath.Join(root(t), "README.md")}
	pages, err := filepath.Glob(filepath.Join(root(t), "cmd/vanishfs/man/*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no manual: %v", err)
	}
	var list []document
	for _, path := range append(paths, pages...) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, document{path, string(text)})
	}
	eachGoFile(t, func(path string, file *ast.File) {
		if doc := file.Doc.Text(); doc != "" {
			list = append(list, document{path, doc})
		}
	})
	return list
}

func eachGoFile(t *testing.T, f func(path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(root(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err == nil {
			f(path, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// testName is a test, and a case of it after a slash; with an ellipsis it stands for all that start so.
var testName = regexp.MustCompile(`\b((?:Test|Fuzz|Benchmark)[A-Z]\w*)(…?)(?:/([A-Z]\w*))?`)

// TestNamedTestsExist: every test that a document names is there.
func TestNamedTestsExist(t *testing.T) {
	tests := map[string]bool{}
	var cases strings.Builder // all that a case can be called after: the text of the tests
	eachGoFile(t, func(path string, file *ast.File) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				tests[f.Name.Name] = true
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cases.Write(text)
	})
	named := 0
	for _, d := range documents(t) {
		for _, m := range testName.FindAllStringSubmatch(d.text, -1) {
			named++
			name, all, sub := m[1], m[2] != "", m[3]
			switch {
			case all && !startsSome(tests, name), !all && !tests[name]:
				t.Errorf("%s names %s, which is no test", d.path, m[0])
			case sub != "" && !strings.Contains(cases.String(), `"`+sub+`"`):
				t.Errorf("%s names %s, and no test has such a case", d.path, m[0])
			}
		}
	}
	if named < 50 {
		t.Errorf("the documents name only %d tests", named)
	}
}

// claim is an entry of a definition list, up to the next blank line.
var claim = regexp.MustCompile(`(?m)^(.+)\n: ((?:.+\n)+)`)

// TestEachClaimHasItsTest: whatever the page on security says that stops somebody, a test holds.
func TestEachClaimHasItsTest(t *testing.T) {
	const page = "cmd/vanishfs/man/vanishfs-security.7.md"
	text, err := os.ReadFile(filepath.Join(root(t), page))
	if err != nil {
		t.Fatal(err)
	}
	claims := claim.FindAllStringSubmatch(string(text), -1)
	if len(claims) < 10 {
		t.Errorf("%s has %d claims", page, len(claims))
	}
	for _, c := range claims {
		if !testName.MatchString(c[2]) {
			t.Errorf("%s: %q names no test", page, c[1])
		}
	}
}

func startsSome(tests map[string]bool, prefix string) bool {
	for name := range tests {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

var link = regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]*))?\)`)

// TestLinksLeadSomewhere: the documents' links into the project lead to a file, and to a heading of it.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, d := range documents(t) {
		if !strings.HasSuffix(d.path, ".md") {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(d.text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target := d.path
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(d.path), m[1])
			}
			text, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s: %v", d.path, err)
			} else if m[2] != "" && !slices.Contains(anchors(string(text)), m[2]) {
				t.Errorf("%s: %s has no heading %s", d.path, target, m[2])
			}
		}
	}
}

// anchors are the names of the headings, as the web's viewers make them.
func anchors(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && line[0] == '#' {
			words := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			list = append(list, strings.ReplaceAll(words, " ", "-"))
		}
	}
	return list
}

// TestReadmeIsShort: a front page, not the manual.
func TestReadmeIsShort(t *testing.T) {
	const most = 120
	text, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > most {
		t.Errorf("README.md has %d lines; at most %d, the rest is for the manual", n, most)
	}
}
