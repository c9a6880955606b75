package tempname

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Template
		err  error
	}{
		{in: "tmp.XXXXXXXXXX", want: Template{prefix: "tmp.", run: 10}},
		{in: "XXX", want: Template{run: 3}},
		{in: "XXXX", want: Template{run: 4}},
		{in: "a/b.XXX.csv", want: Template{dir: "a/", prefix: "b.", run: 3, suffix: ".csv"}},
		{in: "XXX/bXXXc", want: Template{dir: "XXX/", prefix: "b", run: 3, suffix: "c"}},
		{in: "/XXX", want: Template{dir: "/", run: 3}},
		{in: "a", err: ErrTooFewX},
		{in: "", err: ErrTooFewX},
		{in: "aXX", err: ErrTooFewX},
		{in: "aXXXbX", err: ErrTooFewX},
		{in: "a/b", err: ErrTooFewX},
		{in: "aXXX/b", err: ErrSuffix},
	} {
		got, err := Parse(c.in)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("Parse(%q) = %+v, %v; want %+v, %v", c.in, got, err, c.want, c.err)
		}
		if err == nil && got.String() != c.in {
			t.Errorf("Parse(%q).String() = %q", c.in, got)
		}
	}
}

func TestParseWithSuffix(t *testing.T) {
	for _, c := range []struct {
		in, suffix string
		want       Template
		err        error
	}{
		{in: "aXXX", suffix: ".c", want: Template{prefix: "a", run: 3, suffix: ".c"}},
		{in: "aXXX", suffix: "XXXX", want: Template{prefix: "a", run: 3, suffix: "XXXX"}},
		{in: "aXXX", suffix: "", want: Template{prefix: "a", run: 3}},
		{in: "aXXXb", suffix: ".c", err: ErrEnd},
		{in: "aXXX", suffix: "/c", err: ErrSuffix},
		{in: "aXX", suffix: "XXX", err: ErrTooFewX},
	} {
		got, err := ParseWithSuffix(c.in, c.suffix)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("ParseWithSuffix(%q, %q) = %+v, %v; want %+v, %v", c.in, c.suffix, got, err, c.want, c.err)
		}
	}
}

func TestIn(t *testing.T) {
	for dir, want := range map[string]string{"/": "/a/XXX", "XXX": "XXX/a/XXX", "/tmp//": "/tmp/a/XXX"} {
		if got := parsed(t, "a/XXX").In(dir); got.String() != want || got.run != 3 {
			t.Errorf("In(%q) = %+v", dir, got)
		}
	}
}

func parsed(t *testing.T, path string) Template {
	t.Helper()
	template, err := Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func TestCreatePlain(t *testing.T) {
	dir := t.TempDir()
	template := parsed(t, dir+"/a.XXXXXX.txt")
	form := regexp.MustCompile(`^a\.[0-9A-Za-z]{6}\.txt$`)
	for _, c := range []struct {
		name   string
		create func() (string, error)
		mode   fs.FileMode
	}{
		{"file", template.File, 0o600},
		{"dir", template.Dir, fs.ModeDir | 0o700},
	} {
		path, err := c.create()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if info.Mode() != c.mode || filepath.Dir(path) != dir || !form.MatchString(info.Name()) {
			t.Errorf("%s: created %s with mode %v", c.name, path, info.Mode())
		}
	}
}

func TestNameCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := parsed(t, dir+"/XXXX").Name(); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("directory holds %v, %v", entries, err)
	}
}

func TestErrorsShowTheTemplate(t *testing.T) {
	dir := t.TempDir()
	template := parsed(t, dir+"/missing/aXXXX")
	for name, create := range map[string]func() (string, error){"file": template.File, "dir": template.Dir, "name": template.Name} {
		_, err := create()
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), template.String()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTakenNamesAreReplaced(t *testing.T) {
	taken := 5
	path, err := parsed(t, "aXXX").try(func(string) error {
		if taken--; taken >= 0 {
			return fs.ErrExist
		}
		return nil
	})
	if err != nil || len(path) != len("aXXX") {
		t.Errorf("try = %q, %v", path, err)
	}
	if _, err := parsed(t, "aXXX").try(func(string) error { return fs.ErrExist }); err == nil {
		t.Error("try found a name where all are taken")
	}
}

func TestRandomText(t *testing.T) {
	seen := map[byte]int{}
	for _, c := range []byte(randomText(62 * 1000)) {
		seen[c]++
	}
	for _, c := range []byte(alphabet) {
		if n := seen[c]; n < 800 || n > 1200 {
			t.Errorf("%c came %d times in 62,000", c, n)
		}
	}
	if len(seen) != len(alphabet) {
		t.Errorf("%d different characters", len(seen))
	}
}
