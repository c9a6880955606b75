package fs

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// entryAfter is the first entry behind a position.
func (u user) entryAfter(t *testing.T, dir, pos uint64) (e fuse.DirEntry, ok bool) {
	t.Helper()
	s := u.f.list(&fuse.ReadIn{InHeader: *u.at(dir), Offset: pos}, nil, func(found fuse.DirEntry, _ *inode) bool {
		if ok {
			return false
		}
		e, ok = found, true
		return true
	})
	if s != fuse.OK {
		t.Fatal(s)
	}
	return e, ok
}

// TestRenamesWhileReading: whoever renames what he reads in a directory comes to
// its end, and has seen each file once.
func TestRenamesWhileReading(t *testing.T) {
	const files = 50
	for what, change := range map[string]func(u user, name string) error{
		"another name": func(u user, name string) error { return u.rename(1, name, 1, name+".old", 0) },
		"away and back": func(u user, name string) error {
			return errors.Join(u.rename(1, name, 1, "away", 0), u.rename(1, "away", 1, name, 0))
		},
		"replaced": func(u user, name string) error {
			node, err := u.create(1, "new")
			if err != nil {
				return err
			}
			u.release(node)
			return u.rename(1, "new", 1, name, 0)
		},
	} {
		t.Run(what, func(t *testing.T) {
			f := newTree(t, nil)
			u := root(f)
			for i := range files {
				node, err := u.create(1, fmt.Sprint(i))
				if err != nil {
					t.Fatal(err)
				}
				u.release(node)
			}
			seen := 0
			for e, ok := u.entryAfter(t, 1, cookieDotDot); ok; e, ok = u.entryAfter(t, 1, e.Off) {
				if seen++; seen > files {
					t.Fatalf("%q comes after all %d files", e.Name, files)
				}
				if err := change(u, e.Name); err != nil {
					t.Fatal(err)
				}
			}
			if seen != files {
				t.Errorf("%d of %d files seen", seen, files)
			}
			checkDirectory(t, f.root.dir)
		})
	}
}
