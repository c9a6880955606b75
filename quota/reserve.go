package quota

import (
	"fmt"
	"log/slog"
	"runtime"
)

// ReserveBytes reserves n bytes, rounded up to whole pages, in the domain and every one
// above it, or returns ErrBytes and reserves nothing.
func (d *Domain) ReserveBytes(n int64) error {
	want := d.pagesOf(n)
	if want != 0 && d.reserve(pages, want, false) == 0 {
		return ErrBytes
	}
	return nil
}

// ReserveUpTo reserves as much of n bytes, rounded up to whole pages, as fits in the domain
// and every one above it, and returns it: bytes, a multiple of PageSize, 0 when full.
func (d *Domain) ReserveUpTo(n int64) int64 {
	want := d.pagesOf(n)
	if want == 0 {
		return 0
	}
	return d.reserve(pages, want, true) * PageSize
}

// ReleaseBytes gives back n bytes, rounded up to whole pages as ReserveBytes does.
func (d *Domain) ReleaseBytes(n int64) { d.release(pages, d.pagesOf(n)) }

// ReserveInode reserves one inode, or returns ErrInodes.
func (d *Domain) ReserveInode() error {
	if d.reserve(inodes, 1, false) == 0 {
		return ErrInodes
	}
	return nil
}

// ReleaseInode gives one inode back.
func (d *Domain) ReleaseInode() { d.release(inodes, 1) }

// pagesOf refuses a negative count: it would turn a release into a reservation past
// every limit.
func (d *Domain) pagesOf(n int64) int64 {
	if n < 0 {
		panic(fmt.Sprintf("quota: domain %q: %d bytes", d.name, n))
	}
	return toPages(n)
}

// reserve takes n, or with partial as much of it as every domain has, and returns it.
func (d *Domain) reserve(r resource, n int64, partial bool) int64 {
	for {
		if got, settled := d.attempt(r, n, partial); settled {
			return got
		}
		// The visit that was in the way ends without waiting for anyone below it in the
		// tree, and at the root nobody undoes: somebody always gets on.
		runtime.Gosched()
	}
}

// attempt walks from d to the root once. All domains but the root are visited with an
// announcement, since a domain further up can still refuse.
func (d *Domain) attempt(r resource, n int64, partial bool) (got int64, settled bool) {
	if d.parent == nil {
		return d.accounts[r].take(n, partial, 0)
	}
	at := d
	for got = n; at != nil; at = at.parent {
		a, visits := &at.accounts[r], int64(0)
		if at.parent != nil {
			a.begin()
			visits = 1
		}
		var had int64
		had, settled = a.take(got, partial, visits)
		for below := d; had < got && below != at; below = below.parent {
			below.accounts[r].put(got - had)
		}
		got = had
		if got == 0 {
			break
		}
	}
	for visited := d; visited.parent != nil; visited = visited.parent {
		visited.accounts[r].end()
		if visited == at {
			break
		}
	}
	return got, settled
}

// release gives n back in every domain up to the root.
func (d *Domain) release(r resource, n int64) {
	if n == 0 {
		return
	}
	for at := d; at != nil; at = at.parent {
		if !at.accounts[r].put(n) {
			at.underflow(r, n)
		}
	}
}

// underflow is a bookkeeping error of the caller. It panics where strict is set; else the
// count is set to zero use, which errs on the side of the limit, and it is logged.
func (d *Domain) underflow(r resource, n int64) {
	d.mu.Lock()
	excess := d.accounts[r].clamp()
	d.mu.Unlock()
	if excess == 0 {
		return // the limit was being changed
	}
	unit := [resources]string{pages: "pages", inodes: "inodes"}[r]
	if strict {
		panic(fmt.Sprintf("quota: domain %q: released %d %s, %d more than were in use", d.name, n, unit, excess))
	}
	slog.Error("quota released more than was in use", "domain", d.name, "unit", unit, "released", n, "excess", excess)
}
