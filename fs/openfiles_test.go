package fs

import (
	"fmt"
	"slices"
	"testing"
)

// TestOpenFiles: what is open is seen with its name, in whatever state, and a walk that has come to one file keeps nobody
// from anything.
func TestOpenFiles(t *testing.T) {
	scope := &Scope{Name: "session"}
	f := newTree(t, func(o *Options) { o.ScopeOf = func(_, _ uint32) (*Scope, error) { return scope, nil } })
	u := root(f)
	dir, err := u.mkdir(1, "dir")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := u.create(dir, fmt.Sprint("open", i)); err != nil {
			t.Fatal(err)
		}
	}
	gone := u.createFilled(t, "gone", 5)
	u.release(u.createFilled(t, "closed", 1))
	if err := u.rename(1, "dir", 1, "renamed", 0); err != nil {
		t.Fatal(err)
	}
	if err := u.unlink(1, "gone"); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for o := range f.OpenFiles() {
		paths = append(paths, o.Path)
		if o.Handles != 1 || o.Session != "session" || (o.Path == "") != (o.Size == 5) {
			t.Errorf("%+v", o)
		}
		name := fmt.Sprint("meanwhile", len(paths))
		node, err := u.create(dir, name)
		if err == nil {
			u.release(node)
			err = u.unlink(dir, name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(paths)
	if want := []string{"", "/renamed/open0", "/renamed/open1", "/renamed/open2"}; !slices.Equal(paths, want) {
		t.Errorf("open are %q, want %q", paths, want)
	}
	if files := scope.Files(); files != 6 {
		t.Errorf("the scope has %d files, want 6", files)
	}
	for range f.OpenFiles() {
		break
	}
	u.release(gone)
}
