package quota

import (
	"testing"

	"pgregory.net/rapid"
)

// Changes of several domains are all or nothing, however much is in use and whatever is reserved meanwhile: while
// one is prepared, no domain has more than either of its limits, and afterwards all have the new or the old ones.
func TestPrepare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int64{0, 1, 2, 3, 5, 8})
		limits := func(name string) Limits {
			return Limits{Bytes: limit.Draw(t, name+" pages") * PageSize, Inodes: limit.Draw(t, name+" inodes")}
		}
		root := New(nil, "mount", limits("mount"))
		domains := []*Domain{root, New(root, "a", limits("a")), New(root, "b", limits("b"))}
		use := func() {
			for _, d := range domains {
				d.ReserveUpTo(rapid.Int64Range(0, 3).Draw(t, "pages") * PageSize)
				if rapid.Bool().Draw(t, "inode") {
					_ = d.ReserveInode()
				}
			}
		}
		use()
		var old []Limits
		var changes []Change
		fits := true
		for _, d := range domains {
			u, l := d.Usage(), limits("new")
			old = append(old, u.Limits)
			changes = append(changes, Change{d, l})
			fits = fits && (l.Bytes == 0 || l.Bytes >= u.BytesUsed) && (l.Inodes == 0 || l.Inodes >= u.InodesUsed)
		}
		pending, err := Prepare(changes)
		if (err == nil) != fits {
			t.Fatalf("%v, but the new limits fit: %v", err, fits)
		}
		use()
		commit := err == nil && rapid.Bool().Draw(t, "commit")
		switch {
		case commit:
			pending.Commit()
		case err == nil:
			pending.Cancel()
		}
		for i, d := range domains {
			want := old[i]
			if commit {
				want = changes[i].Limits
			}
			u := d.Usage()
			if u.Limits != want {
				t.Fatalf("%s has %+v, want %+v", d.Name(), u.Limits, want)
			}
			if u.Bytes > 0 && u.BytesUsed > u.Bytes || u.Inodes > 0 && u.InodesUsed > u.Inodes {
				t.Fatalf("%s is over its limit: %+v", d.Name(), u)
			}
		}
	})
}
