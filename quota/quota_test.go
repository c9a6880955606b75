package quota

import (
	"errors"
	"math"
	"strings"
	"syscall"
	"testing"
)

const page = PageSize

// tree makes a root, a child and a grandchild with the given byte limits, in pages.
func tree(root, child, grandchild int64) (r, c, g *Domain) {
	r = New(nil, "root", Limits{Bytes: root * page})
	c = New(r, "child", Limits{Bytes: child * page})
	g = New(c, "grandchild", Limits{Bytes: grandchild * page})
	return r, c, g
}

func used(t *testing.T, d *Domain, want int64) {
	t.Helper()
	if got := d.Usage().BytesUsed; got != want*page {
		t.Errorf("%s uses %d bytes, want %d pages", d.Name(), got, want)
	}
}

func TestReserveBytesRoundsUpToPages(t *testing.T) {
	for _, c := range []struct{ n, pages int64 }{
		{0, 0}, {1, 1}, {page - 1, 1}, {page, 1}, {page + 1, 2}, {10 * page, 10},
	} {
		d := New(nil, "d", Limits{Bytes: 100 * page})
		if err := d.ReserveBytes(c.n); err != nil {
			t.Fatal(err)
		}
		used(t, d, c.pages)
		d.ReleaseBytes(c.n)
		used(t, d, 0)
	}
}

func TestReserveBytesIsAllOrNothing(t *testing.T) {
	for _, c := range []struct {
		name                    string
		root, child, grandchild int64
	}{
		{"root is tightest", 3, 5, 9},
		{"child is tightest", 9, 3, 5},
		{"grandchild is tightest", 9, 5, 3},
		{"root unlimited", 0, 3, 4},
		{"only the root limited", 3, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, ch, g := tree(c.root, c.child, c.grandchild)
			if err := g.ReserveBytes(4 * page); err != ErrBytes || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("4 pages into 3: %v", err)
			}
			for _, d := range []*Domain{r, ch, g} {
				used(t, d, 0)
			}
			if err := g.ReserveBytes(3 * page); err != nil {
				t.Errorf("3 pages into 3: %v", err)
			}
			for _, d := range []*Domain{r, ch, g} {
				used(t, d, 3)
			}
		})
	}
}

func TestReserveUpTo(t *testing.T) {
	for _, c := range []struct {
		root, child, grandchild int64 // limits, pages
		ask, want               int64 // pages
	}{
		{10, 10, 10, 4, 4},
		{3, 10, 10, 4, 3},
		{10, 3, 10, 4, 3},
		{10, 10, 3, 4, 3},
		{2, 3, 4, 9, 2},
		{4, 3, 2, 9, 2},
		{0, 0, 0, 1 << 20, 1 << 20},
		{5, 5, 5, 0, 0},
	} {
		r, ch, g := tree(c.root, c.child, c.grandchild)
		if got := g.ReserveUpTo(c.ask * page); got != c.want*page {
			t.Errorf("%+v: got %d pages", c, got/page)
		}
		for _, d := range []*Domain{r, ch, g} {
			used(t, d, c.want)
		}
	}
	r, _, g := tree(4, 0, 0)
	if err := r.ReserveBytes(4 * page); err != nil {
		t.Fatal(err)
	}
	if got := g.ReserveUpTo(1); got != 0 {
		t.Errorf("full: got %d", got)
	}
	used(t, g, 0)
}

func TestInodes(t *testing.T) {
	r := New(nil, "root", Limits{Inodes: 2})
	a, b := New(r, "a", Limits{}), New(r, "b", Limits{Inodes: 1})
	if a.ReserveInode() != nil || b.ReserveInode() != nil {
		t.Fatal("two of two refused")
	}
	if err := a.ReserveInode(); err != ErrInodes || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("third of two: %v", err)
	}
	a.ReleaseInode()
	if err := b.ReserveInode(); err != ErrInodes {
		t.Errorf("second of b's one: %v", err)
	}
	if got := r.Usage(); got.InodesUsed != 1 || got.Inodes != 2 || got.Bytes != 0 {
		t.Errorf("usage %+v", got)
	}
}

func TestLimitsAreRoundedUp(t *testing.T) {
	for _, c := range []struct{ given, want int64 }{
		{0, 0}, {1, page}, {page, page}, {page + 1, 2 * page}, {math.MaxInt64, 0},
	} {
		if got := New(nil, "d", Limits{Bytes: c.given}).Usage().Bytes; got != c.want {
			t.Errorf("limit %d became %d, want %d", c.given, got, c.want)
		}
	}
}

func TestSetLimits(t *testing.T) {
	d := New(nil, "d", Limits{Bytes: 10 * page, Inodes: 10})
	for range 5 {
		if d.ReserveBytes(page) != nil || d.ReserveInode() != nil {
			t.Fatal("refused below the limit")
		}
	}
	for _, c := range []struct {
		to   Limits
		want error
	}{
		{Limits{Bytes: 4 * page, Inodes: 10}, syscall.EINVAL},
		{Limits{Bytes: 6 * page, Inodes: 4}, syscall.EINVAL}, // neither changes
		{Limits{Bytes: -1}, syscall.EINVAL},
		{Limits{Bytes: 5 * page, Inodes: 5}, nil},
		{Limits{}, nil},
		{Limits{Bytes: 7 * page, Inodes: 6}, nil},
	} {
		before := d.Usage()
		if err := d.SetLimits(c.to); err != c.want {
			t.Errorf("%+v: %v, want %v", c.to, err, c.want)
		}
		want := Usage{Limits: c.to, BytesUsed: 5 * page, InodesUsed: 5}
		if c.want != nil {
			want = before
		}
		if got := d.Usage(); got != want {
			t.Errorf("after %+v: %+v, want %+v", c.to, got, want)
		}
	}
	if got := d.ReserveUpTo(10 * page); got != 2*page {
		t.Errorf("room for %d bytes, want 2 pages", got)
	}
}

func TestTightest(t *testing.T) {
	r := New(nil, "root", Limits{Bytes: 10 * page, Inodes: 3})
	c := New(r, "child", Limits{Bytes: 4 * page, Inodes: 100})
	other := New(r, "other", Limits{})
	if got := c.Tightest(); got != (Usage{Limits: Limits{Bytes: 4 * page, Inodes: 3}}) {
		t.Errorf("empty: %+v", got)
	}
	if other.ReserveBytes(9*page) != nil || c.ReserveInode() != nil {
		t.Fatal("refused below the limit")
	}
	want := Usage{Limits: Limits{Bytes: 10 * page, Inodes: 3}, BytesUsed: 9 * page, InodesUsed: 1}
	if got := c.Tightest(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := c.Tightest(); got.BytesFree() != page || got.InodesFree() != 2 {
		t.Errorf("free %d bytes, %d inodes", got.BytesFree(), got.InodesFree())
	}
	free := New(nil, "unlimited", Limits{}).Usage()
	if free.BytesFree() < 1<<61 || free.InodesFree() < 1<<49 {
		t.Errorf("unlimited: free %d bytes, %d inodes", free.BytesFree(), free.InodesFree())
	}
}

// TestUnderflow: who counts wrongly is told at once, at the latest by a build for tests; elsewhere use is never less than nothing.
func TestUnderflow(t *testing.T) {
	for name, f := range map[string]func(*Domain){
		"bytes":             func(d *Domain) { d.ReleaseBytes(3 * page) },
		"bytes unlimited":   func(d *Domain) { New(nil, "d", Limits{}).ReleaseBytes(1) },
		"inodes":            func(d *Domain) { d.ReleaseInode() },
		"in the parent":     func(d *Domain) { New(d, "child", Limits{}).ReleaseBytes(1) },
		"negative reserve":  func(d *Domain) { _ = d.ReserveBytes(-1) },
		"negative release":  func(d *Domain) { d.ReleaseBytes(-1) },
		"negative limit":    func(d *Domain) { New(d, "child", Limits{Bytes: -1}) },
		"negative up to":    func(d *Domain) { d.ReserveUpTo(-page) },
		"negative inodes":   func(d *Domain) { New(d, "child", Limits{Inodes: -1}) },
		"more than in use":  func(d *Domain) { d.ReleaseBytes(2*page + 1) },
		"after use of zero": func(d *Domain) { d.ReleaseBytes(2 * page); d.ReleaseBytes(1) },
	} {
		t.Run(name, func(t *testing.T) {
			d := New(nil, "d", Limits{Bytes: 5 * page})
			if err := d.ReserveBytes(2 * page); err != nil {
				t.Fatal(err)
			}
			defer func() {
				msg, _ := recover().(string)
				if always := strings.HasPrefix(name, "negative"); strict || always {
					if !strings.HasPrefix(msg, "quota: domain") {
						t.Errorf("panicked with %q", msg)
					}
				} else if used := d.Usage().BytesUsed; msg != "" || used < 0 || used > 2*page {
					t.Errorf("panicked with %q; %d bytes in use", msg, used)
				}
			}()
			f(d)
		})
	}
}
