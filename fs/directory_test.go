package fs

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestDirectoryStream is the promise of readdir as a model: whoever reads the
// stream in pieces sees every entry that was there all the time exactly once,
// and nothing twice, whatever comes and goes meanwhile.
func TestDirectoryStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDirectory(nil)
		entries := map[string]*dentry{}
		insert := func(t *rapid.T) {
			name := fmt.Sprint(rapid.IntRange(0, 60).Draw(t, "name"))
			if entries[name] == nil {
				entries[name] = d.insertLocked(nil, name, nil)
			}
		}
		remove := func(t *rapid.T) {
			name := fmt.Sprint(rapid.IntRange(0, 60).Draw(t, "name"))
			if e := entries[name]; e != nil {
				d.removeLocked(e)
				delete(entries, name)
			}
		}
		for range 30 {
			insert(t)
		}
		stayed := map[string]bool{}
		for name := range entries {
			stayed[name] = true
		}
		seen := map[*dentry]bool{}
		pos := uint64(cookieDotDot)
		for more := true; more; {
			more = false
			want := rapid.IntRange(1, 5).Draw(t, "piece")
			for _, p := range d.order[d.after(pos):] {
				if p.entry == nil {
					continue
				}
				if want == 0 {
					break
				}
				want--
				more = true
				pos = p.cookie
				if seen[p.entry] {
					t.Fatalf("%q came twice", p.entry.name)
				}
				seen[p.entry] = true
			}
			if len(seen) < 300 {
				insert(t)
			}
			remove(t)
			for name := range stayed {
				if entries[name] == nil {
					delete(stayed, name)
				}
			}
		}
		names := map[string]bool{}
		for e := range seen {
			names[e.name] = true
		}
		for name := range stayed {
			if !names[name] {
				t.Fatalf("%q was skipped", name)
			}
		}
		checkDirectory(t, d)
	})
}

type fataler interface {
	Fatalf(format string, args ...any)
}

// checkDirectory checks the invariant of directory.
func checkDirectory(t fataler, d *directory) {
	holes, last := 0, uint64(cookieDotDot)
	for _, p := range d.order {
		if p.cookie <= last {
			t.Fatalf("cookie %d after %d", p.cookie, last)
		}
		last = p.cookie
		if p.entry == nil {
			holes++
		} else if d.children[p.entry.name] != p.entry {
			t.Fatalf("%q is in order only", p.entry.name)
		}
	}
	if holes != d.holes || len(d.order)-holes != len(d.children) {
		t.Fatalf("%d holes counted as %d, %d positions for %d entries", holes, d.holes, len(d.order), len(d.children))
	}
}
