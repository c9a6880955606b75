package quota

import (
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// naive is one domain of the model: plain numbers, pages.
type naive struct {
	parent              *naive
	limit, used         int64 // limit 0 is unlimited
	inodeLimit, inodes  int64
	ownPages, ownInodes int64 // reserved through this domain itself
}

func (n *naive) room() int64 {
	room := int64(1 << 40)
	for at := n; at != nil; at = at.parent {
		if at.limit != 0 {
			room = min(room, at.limit-at.used)
		}
	}
	return room
}

func (n *naive) add(pages, inodes int64) {
	n.ownPages += pages
	n.ownInodes += inodes
	for at := n; at != nil; at = at.parent {
		at.used += pages
		at.inodes += inodes
	}
}

func (n *naive) inodeRoom() bool {
	for at := n; at != nil; at = at.parent {
		if at.inodeLimit != 0 && at.inodes == at.inodeLimit {
			return false
		}
	}
	return true
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(0, 20)
		var domains []*Domain
		var models []*naive
		add := func(d *Domain, m *naive) { domains, models = append(domains, d), append(models, m) }
		newDomain := func(t *rapid.T, parent *Domain, pm *naive) {
			l, i := limit.Draw(t, "limit"), limit.Draw(t, "inodes")
			add(New(parent, "d", Limits{Bytes: l * page, Inodes: i}), &naive{parent: pm, limit: l, inodeLimit: i})
		}
		newDomain(t, nil, nil)
		pick := func(t *rapid.T) (*Domain, *naive) {
			i := rapid.IntRange(0, len(domains)-1).Draw(t, "domain")
			return domains[i], models[i]
		}
		t.Repeat(map[string]func(*rapid.T){
			"child": func(t *rapid.T) {
				d, m := pick(t)
				newDomain(t, d, m)
			},
			"reserve": func(t *rapid.T) {
				d, m := pick(t)
				n := rapid.Int64Range(0, 8*page).Draw(t, "bytes")
				want := toPages(n)
				fits := want == 0 || want <= m.room()
				if err := d.ReserveBytes(n); (err == nil) != fits {
					t.Fatalf("%d pages of %d: %v", want, m.room(), err)
				}
				if fits {
					m.add(want, 0)
				}
			},
			"up to": func(t *rapid.T) {
				d, m := pick(t)
				n := rapid.Int64Range(0, 30*page).Draw(t, "bytes")
				want := min(toPages(n), m.room())
				if got := d.ReserveUpTo(n); got != want*page {
					t.Fatalf("got %d bytes, want %d pages", got, want)
				}
				m.add(want, 0)
			},
			"release": func(t *rapid.T) {
				d, m := pick(t)
				n := rapid.Int64Range(0, m.ownPages).Draw(t, "pages")
				d.ReleaseBytes(n * page)
				m.add(-n, 0)
			},
			"inode": func(t *rapid.T) {
				d, m := pick(t)
				if err := d.ReserveInode(); (err == nil) != m.inodeRoom() {
					t.Fatalf("inode: %v, room %v", err, m.inodeRoom())
				} else if err == nil {
					m.add(0, 1)
				}
			},
			"release inode": func(t *rapid.T) {
				d, m := pick(t)
				if m.ownInodes > 0 {
					d.ReleaseInode()
					m.add(0, -1)
				}
			},
			"limits": func(t *rapid.T) {
				d, m := pick(t)
				l, i := limit.Draw(t, "limit"), limit.Draw(t, "inodes")
				want := error(nil)
				if (l != 0 && l < m.used) || (i != 0 && i < m.inodes) {
					want = syscall.EINVAL
				}
				if err := d.SetLimits(Limits{Bytes: l * page, Inodes: i}); err != want {
					t.Fatalf("limits: %v, want %v", err, want)
				}
				if want == nil {
					m.limit, m.inodeLimit = l, i
				}
			},
			"": func(t *rapid.T) {
				for i, m := range models {
					want := Usage{Limits{m.limit * page, m.inodeLimit}, m.used * page, m.inodes}
					if got := domains[i].Usage(); got != want {
						t.Fatalf("domain %d: %+v, want %+v", i, got, want)
					}
				}
			},
		})
	})
}
