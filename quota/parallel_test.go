package quota

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// together runs f in n goroutines that start at the same time.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// Sessions of different limits below one mount, each with several writers: every domain ends
// up exactly full, which a refusal because of somebody's provisional use would prevent.
func TestParallelReserversGetExactlyTheLimit(t *testing.T) {
	for _, c := range []struct {
		name           string
		mount, session int64 // pages
		sessions       int
		want           int64
	}{
		{"one domain", 1000, 0, 1, 1000},
		{"sessions tighter", 1000, 100, 4, 400},
		{"mount tighter", 1000, 400, 4, 1000},
		{"mount tightest of all", 7, 400, 4, 7},
	} {
		for name, reserve := range map[string]func(d *Domain, i int) int64{
			"pages": func(d *Domain, _ int) int64 {
				if d.ReserveBytes(page) != nil {
					return 0
				}
				return page
			},
			"up to": func(d *Domain, i int) int64 { return d.ReserveUpTo(int64(1+i%5) * page) },
		} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				for range 20 {
					mount := New(nil, "mount", Limits{Bytes: c.mount * page})
					sessions := make([]*Domain, c.sessions)
					for i := range sessions {
						sessions[i] = New(New(mount, "user", Limits{}), "session", Limits{Bytes: c.session * page})
					}
					got := make([]atomic.Int64, c.sessions)
					together(8, func(i int) {
						s := i % c.sessions
						for n := reserve(sessions[s], i); n != 0; n = reserve(sessions[s], i) {
							got[s].Add(n)
						}
					})
					used(t, mount, c.want)
					for s, d := range sessions {
						if u := d.Usage().BytesUsed; u != got[s].Load() {
							t.Errorf("session uses %d bytes, its writers got %d", u, got[s].Load())
						}
						d.ReleaseBytes(got[s].Load())
					}
					used(t, mount, 0)
				}
			})
		}
	}
}

// A session that is refused by a full mount must not take room, even for an instant, from a
// reservation that fits: the sibling's page always does.
func TestRefusedReserverNeverRefusesAnother(t *testing.T) {
	mount := New(nil, "mount", Limits{Bytes: 10 * page})
	session := New(mount, "session", Limits{Bytes: 6 * page})
	if err := mount.ReserveBytes(5 * page); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	together(3, func(i int) {
		if i > 0 { // 6 pages fit the session but never the mount
			for !stop.Load() {
				if session.ReserveBytes(6*page) == nil {
					t.Error("6 of 5 pages")
				}
			}
			return
		}
		defer stop.Store(true)
		for range 20000 {
			if err := session.ReserveBytes(page); err != nil {
				t.Error("refused a page that fits")
				return
			}
			session.ReleaseBytes(page)
		}
	})
	used(t, mount, 5)
	used(t, session, 0)
}

// Limits go up and down while writers reserve and release: use is never above the limit
// that was in force, and the books balance.
func TestSetLimitsRacesReservers(t *testing.T) {
	mount := New(nil, "mount", Limits{Bytes: 100 * page, Inodes: 50})
	session := New(mount, "session", Limits{Bytes: 100 * page, Inodes: 50})
	var stop atomic.Bool
	var held atomic.Int64 // pages that reservers say they hold, at least
	together(4, func(i int) {
		if i == 0 {
			defer stop.Store(true)
			for range 3000 {
				d := mount
				if rand.N(2) == 0 {
					d = session
				}
				l := Limits{Bytes: rand.N(int64(120)) * page, Inodes: rand.N(int64(60))}
				if d.SetLimits(l) != nil {
					continue
				}
				// Only this goroutine changes limits: what is held now is within them.
				if h := held.Load(); l.Bytes != 0 && h*page > l.Bytes {
					t.Errorf("limit of %d pages accepted, %d were held", l.Bytes/page, h)
				}
			}
			return
		}
		var own int64
		for !stop.Load() {
			got := session.ReserveUpTo(rand.N(int64(10)) * page)
			held.Add(got / page)
			own += got
			if session.ReserveInode() == nil {
				session.ReleaseInode()
			}
			if n := rand.N(own/page + 1); n > 0 {
				held.Add(-n)
				session.ReleaseBytes(n * page)
				own -= n * page
			}
		}
		held.Add(-own / page)
		session.ReleaseBytes(own)
	})
	for _, d := range []*Domain{mount, session} {
		if u := d.Usage(); u.BytesUsed != 0 || u.InodesUsed != 0 {
			t.Errorf("%s: %+v after all was released", d.Name(), u)
		}
	}
}

// No reader ever sees a domain over its limit or below zero.
func TestUsageIsAlwaysWithinTheLimit(t *testing.T) {
	mount := New(nil, "mount", Limits{Bytes: 9 * page})
	session := New(mount, "session", Limits{Bytes: 7 * page})
	var stop atomic.Bool
	together(3, func(i int) {
		if i == 0 {
			defer stop.Store(true)
			for range 20000 {
				for _, d := range []*Domain{mount, session} {
					if u := d.Usage(); u.BytesUsed < 0 || u.BytesUsed > u.Bytes {
						t.Errorf("%s: %+v", d.Name(), u)
						return
					}
				}
			}
			return
		}
		for !stop.Load() {
			session.ReleaseBytes(session.ReserveUpTo(int64(i) * 4 * page))
		}
	})
}
