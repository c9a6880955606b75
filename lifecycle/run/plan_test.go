package run

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"vanishfs/lifecycle"
)

func TestBelow(t *testing.T) {
	for _, c := range []struct {
		path, dir string
		want      bool
	}{
		{"/tmp", "/tmp", true}, {"/tmp/x", "/tmp", true}, {"/tmpx", "/tmp", false}, {"/", "/tmp", false}, {"/tmp", "/", true}, {"/var/tmp", "/tmp", false},
	} {
		if got := below(c.path, c.dir); got != c.want {
			t.Errorf("below(%s, %s) = %v", c.path, c.dir, got)
		}
	}
}

func TestPlanResolvesPaths(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"a/x", "b"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	p, err := makePlan(Options{At: []string{"link", dir + "/b/"}, Expose: []string{"link/../a/x", dir + "/a/x//"}, Argv: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := dir + "/a, " + dir + "/b"; p.covered() != want {
		t.Errorf("covered are %s, want %s", p.covered(), want)
	}
	if want := []exposed{{[]byte(dir + "/a/x"), 0}, {[]byte(dir + "/a/x"), 0}}; !reflect.DeepEqual(p.Expose, want) {
		t.Errorf("exposed is %v, want %v", p.Expose, want)
	}
	if p.owner(dir+"/b/y") != 1 || p.owner(dir) != -1 {
		t.Error("owner does not find the directory")
	}
}

func TestPlanRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "no command"},
		{Options{Argv: []string{"a\x00b"}}, "NUL"},
		{Options{Argv: []string{"true"}, At: []string{"/no/such"}}, "--at /no/such: no such file"},
		{Options{Argv: []string{"true"}, At: []string{file}}, "not a directory"},
		{Options{Argv: []string{"true"}, At: []string{"/"}}, "cannot be covered"},
		{Options{Argv: []string{"true"}, At: []string{dir, dir}}, "overlaps"},
		{Options{Argv: []string{"true"}, At: []string{dir, filepath.Dir(dir)}}, "overlaps"},
		{Options{Argv: []string{"true"}, At: []string{dir}, Expose: []string{dir + "/none"}}, "no such file"},
		{Options{Argv: []string{"true"}, At: []string{dir}, Expose: []string{"/etc"}}, "visible anyway"},
		{Options{Argv: []string{"true"}, At: []string{dir}, Expose: []string{dir}}, "visible anyway"},
		{Options{Argv: []string{"true"}, Config: lifecycle.Config{Transport: "tcp"}}, "transport"},
	} {
		_, err := makePlan(c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: got %v, want %q", c.o, err, c.want)
		}
	}
}

// Arguments need not be UTF-8, and the plan can be of any size.
func TestPlanTravels(t *testing.T) {
	want := []string{"cmd", "\xff\xfe", strings.Repeat("x", 1<<20)}
	p, err := makePlan(Options{At: []string{t.TempDir()}, Argv: want})
	if err != nil {
		t.Fatal(err)
	}
	letter, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	got := new(plan)
	if err := json.Unmarshal(letter, got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, p) || !reflect.DeepEqual(got.argv(), want) {
		t.Error("the plan is another after the journey")
	}
}
