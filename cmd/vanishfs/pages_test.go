package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vanishfs/lifecycle/doctor"
	"vanishfs/lifecycle/run"
)

// everyPage calls f with the source of each page of the manual.
func everyPage(t *testing.T, f func(t *testing.T, page, source string)) {
	for _, page := range pageNames {
		t.Run(page, func(t *testing.T) {
			source, err := pageSource(page)
			if err != nil {
				t.Fatal(err)
			}
			f(t, page, source)
		})
	}
}

// TestPages: each page has the form that man(1) and a terminal need, and is in the list of pages.
func TestPages(t *testing.T) {
	files, err := fs.Glob(manual, "man/*")
	if err != nil || len(files) != len(pageNames) {
		t.Errorf("pages are %q: %v", files, err)
	}
	everyPage(t, func(t *testing.T, page, source string) {
		name, section := cutSection(page)
		if title, _ := cutTitle(source); title != name+"("+section+")" {
			t.Errorf("title %q", title)
		}
		for line := range strings.Lines(pageText(source, func(s string) string { return s })) {
			if line = strings.TrimSuffix(line, "\n"); len(line) > helpWidth || strings.TrimRight(line, " ") != line || strings.ContainsAny(line, "`*\t<") {
				t.Errorf("layout of %q", line)
			}
		}
		roff, err := pageRoff(page)
		if err != nil || !strings.Contains(string(roff), "\n.TH "+name+" "+section+" ") || !strings.Contains(string(roff), "\n.SH NAME\n"+name+" \\- "+pageSummary(page)+"\n") {
			t.Errorf("head of the page for man(1): %.200s, %v", roff, err)
		}
		for _, heading := range []string{"NAME", "SEE ALSO"} {
			if !strings.Contains(source, "\n## "+heading+"\n") {
				t.Errorf("no %s", heading)
			}
		}
	})
}

var (
	flagInText    = regexp.MustCompile(`(?:^|[\s(*` + "`" + `])--([a-z][a-z-]*)`)
	commandInText = regexp.MustCompile("(?m)(?:`|^ +[$#>] (?:do )?(?:[a-z]=\\$\\()?)vanishfs ([a-z]+)")
	// foreignFlags are of programs that the manual mentions.
	foreignFlags = []string{"acls", "against", "device", "help", "no-g", "preserve", "quick", "rows", "systems"}
)

// TestPagesNameWhatExists: a flag or command in the manual and in any --help is one of ours.
func TestPagesNameWhatExists(t *testing.T) {
	known := slices.Clone(foreignFlags)
	texts := map[string]string{"vanishfs --help": programHelp()}
	for _, cmd := range allCommands() {
		texts[cmd.Name+" --help"] = helpText(cmd)
		for _, f := range cmd.Flags {
			known = append(known, f.Names()...)
		}
	}
	for _, page := range pageNames {
		texts[page], _ = pageSource(page)
	}
	for where, text := range texts {
		for _, match := range flagInText.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(known, match[1]) {
				t.Errorf("%s: no command has a flag --%s", where, match[1])
			}
		}
		for _, match := range commandInText.FindAllStringSubmatch(text, -1) {
			if !isCommand(match[1]) {
				t.Errorf("%s: there is no command %q", where, match[0])
			}
		}
	}
}

// TestExitMeanings: every exit code of the code is explained, and no other.
func TestExitMeanings(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "exit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []int{run.ExitFailed, run.ExitNotExecutable, run.ExitNotFound}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "exit") {
			return true
		}
		if value, ok := spec.Values[0].(*ast.BasicLit); ok {
			code, _ := strconv.Atoi(value.Value)
			want = append(want, code)
		}
		return true
	})
	var got []int
	for _, m := range slices.Concat(exitMeanings, runExitMeanings, helperExitMeanings) {
		got = append(got, m.code)
	}
	slices.Sort(want)
	slices.Sort(got)
	if want, got := slices.Compact(want), slices.Compact(got); len(want) < 10 || !slices.Equal(want, got) {
		t.Errorf("explained are %v, there are %v", got, want)
	}
}

// sources calls f with every file of the program.
func sources(t *testing.T, f func(path string, file *ast.File)) {
	t.Helper()
	for _, dir := range []string{".", "../../lifecycle", "../../fs", "../../quota"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err == nil {
				f(path, file)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// definitions are the terms of the list below a heading.
func definitions(t *testing.T, source, heading string) []string {
	t.Helper()
	_, part, found := strings.Cut(source, "\n## "+heading+"\n")
	if !found {
		t.Fatalf("no heading %s", heading)
	}
	part, _, _ = strings.Cut(part, "\n## ")
	var terms []string
	for _, match := range regexp.MustCompile(`(?m)^(.+)\n: `).FindAllStringSubmatch(part, -1) {
		terms = append(terms, match[1])
	}
	return terms
}

// TestEnvironment: the environment variables that are read are those of the manual.
func TestEnvironment(t *testing.T) {
	source, err := pageSource("vanishfs.1")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, term := range definitions(t, source, "ENVIRONMENT") {
		documented = append(documented, strings.Split(plain(term), ", ")...)
	}
	// A call with a name that is not a literal takes it from a list, which is one of capital letters only.
	variable := regexp.MustCompile(`^[A-Z]{3,}$`)
	var read []string
	sources(t, func(path string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "Getenv" || f.Sel.Name == "LookupEnv") {
					if name, ok := n.Args[0].(*ast.BasicLit); ok {
						read = append(read, strings.Trim(name.Value, `"`))
					}
				}
			case *ast.ValueSpec:
				if list, ok := n.Values, len(n.Values) == 1 && n.Names[0].Name == "tempNames"; ok {
					for _, element := range list[0].(*ast.CompositeLit).Elts {
						read = append(read, strings.Trim(element.(*ast.BasicLit).Value, `"`))
					}
				}
			}
			return true
		})
	})
	for _, name := range read {
		if !slices.Contains(documented, name) {
			t.Errorf("%s is read, and not in the manual", name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(read, name) || !variable.MatchString(name) {
			t.Errorf("%s is in the manual, and not read", name)
		}
	}
}

// TestDiagnostics: the error messages of the manual are those of the program.
func TestDiagnostics(t *testing.T) {
	source, err := pageSource("vanishfs.1")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	sources(t, func(path string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, _ := strconv.Unquote(lit.Value)
				texts = append(texts, text)
			}
			return true
		})
	})
	messages := definitions(t, source, "DIAGNOSTICS")
	if len(messages) < 5 {
		t.Errorf("messages are %q", messages)
	}
	for _, message := range messages {
		if !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, plain(message)) }) {
			t.Errorf("nothing says %q", message)
		}
	}
}

// TestDoctorRows: the rows of doctor are those of the manual, in that order.
func TestDoctorRows(t *testing.T) {
	source, err := pageSource("vanishfs.1")
	if err != nil {
		t.Fatal(err)
	}
	var documented, rows []string
	for _, term := range definitions(t, source, "DOCTOR") {
		documented = append(documented, strings.Split(plain(term), ", ")...)
	}
	for _, c := range doctor.Examine().Checks {
		rows = append(rows, c.Name)
	}
	if !slices.Equal(documented, rows) {
		t.Errorf("the manual has %q, doctor %q", documented, rows)
	}
}

// TestHelpTopics: which page a word means; no word means a page and a command.
func TestHelpTopics(t *testing.T) {
	for topic, want := range map[string]string{
		"vanishfs": "vanishfs.1", "vanishfs.1": "vanishfs.1", "vanishfs.5": "vanishfs.5", "security": "vanishfs-security.7",
		"vanishfs-security": "vanishfs-security.7", "mount.fuse.vanishfs": "mount.fuse.vanishfs.8", "": "", "nothing": "", ".1": "",
	} {
		if got := pageNamed(topic); got != want {
			t.Errorf("page %q is %q; want %q", topic, got, want)
		}
	}
	for _, cmd := range allCommands() {
		if pageNamed(cmd.Name) != "" {
			t.Errorf("%s is a command and a page", cmd.Name)
		}
	}
}
