package tiered

import (
	"syscall"

	"golang.org/x/sys/unix"

	"vanishfs/fs/store"
)

// Truncate implements store.File. What Allocate charged past the end goes when the file does not
// grow, as on tmpfs (mm/shmem.c, shmem_setattr).
func (f *File) Truncate(size int64) error {
	if size < 0 {
		return syscall.EINVAL
	}
	f.mu.RLock()
	grows := size > f.size
	f.mu.RUnlock()
	if grows {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.size = max(f.size, size)
		return nil
	}
	return f.change(size, maxSize, func(d *debris) error {
		f.discardLocked(roundUp(size), maxSize, d)
		f.size = size
		return nil
	})
}

// Allocate implements store.File.
func (f *File) Allocate(mode uint32, off, length int64) error {
	if off < 0 || length <= 0 {
		return syscall.EINVAL
	}
	if off > maxSize-pageSize-length {
		return syscall.EFBIG
	}
	end := off + length
	switch mode {
	case 0:
		return f.reserve(off, end, end)
	case unix.FALLOC_FL_KEEP_SIZE:
		return f.reserve(off, end, 0)
	case unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE:
		return f.change(off, end, func(d *debris) error {
			f.discardLocked(off, end, d)
			f.modifiedLocked()
			return nil
		})
	case unix.FALLOC_FL_ZERO_RANGE:
		return f.zero(off, end, end)
	case unix.FALLOC_FL_ZERO_RANGE | unix.FALLOC_FL_KEEP_SIZE:
		return f.zero(off, end, 0)
	}
	return syscall.EOPNOTSUPP
}

// reserve charges all pages of [off, end) and makes the file at least size bytes long.
func (f *File) reserve(off, end, size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.chargeLocked(off, end); err != nil {
		return err
	}
	f.size = max(f.size, size)
	f.modifiedLocked()
	return nil
}

// zero makes [off, end) zeros that are charged.
func (f *File) zero(off, end, size int64) error {
	return f.change(off, end, func(d *debris) error {
		if err := f.chargeLocked(off, end); err != nil {
			return err
		}
		for p := range pieces(off, end-off) {
			f.blankLocked(f.chunks.get(p.index), p.whole(), d)
		}
		f.size = max(f.size, size)
		f.modifiedLocked()
		return nil
	})
}

// chargeLocked charges the pages of [off, end) that are holes, all or none. More than memory and
// disk could ever take is refused at once.
func (f *File) chargeLocked(off, end int64) error {
	missing := f.missing(off, end) * pageSize
	if missing > f.s.room() {
		return syscall.ENOSPC
	}
	if err := f.s.domain.ReserveBytes(missing); err != nil {
		return syscall.ENOSPC
	}
	for p := range pieces(off, end-off) {
		f.holdLocked(f.chunkLocked(p.index), p.touched())
	}
	return nil
}

// missing is how many pages of [off, end) are holes. The caller holds mu, for reading at least.
func (f *File) missing(off, end int64) (pages int64) {
	for at := off; at < end; {
		c := f.chunks.next(at / chunkSize)
		if c == nil || c.index*chunkSize >= end {
			return pages + pagesOf(at, end)
		}
		if gap := c.index * chunkSize; gap > at {
			pages += pagesOf(at, gap)
			at = gap
		}
		p := pieceAt(at, end-at)
		pages += int64((p.touched() &^ c.held).len())
		at += int64(p.len())
	}
	return pages
}

// pagesOf is the number of pages with bytes in [from, to).
func pagesOf(from, to int64) int64 { return store.Span(from, to-from) / pageSize }

// roundUp does not overflow: the last pages below maxSize are out of reach.
func roundUp(off int64) int64 {
	if off > maxSize-pageSize {
		return maxSize
	}
	return (off + pageSize - 1) / pageSize * pageSize
}

// change runs f under the lock, after zeroing those bytes of [from, to) that share a page with
// bytes outside. If change fails that has been done all the same.
func (f *File) change(from, to int64, change func(*debris) error) error {
	edges := f.edges(from, to)
	for _, e := range edges[:len(edges)-1] {
		l, err := f.lockEdge(e)
		if err != nil {
			return err
		}
		l.zero(e)
		l.unlock()
	}
	last := edges[len(edges)-1]
	l, err := f.lockEdge(last)
	if err != nil {
		return err
	}
	l.zero(last)
	var d debris
	err = change(&d)
	l.unlock()
	f.s.collect(&d)
	return err
}

// edges are the parts of [from, to) that do not fill a page; always at least one, which can
// be empty.
func (f *File) edges(from, to int64) []piece {
	headEnd := min(roundUp(from), to)
	tailStart := max(to/pageSize*pageSize, headEnd)
	if to == maxSize {
		tailStart = to
	}
	edges := []piece{edgeAt(from, headEnd)}
	if tailStart < to {
		edges = append(edges, edgeAt(tailStart, to))
	}
	return edges
}

// edgeAt is a piece within one page, or nothing.
func edgeAt(from, to int64) piece {
	at := from % chunkSize
	return piece{from / chunkSize, int(at), int(at + to - from)}
}

// lockEdge locks f with what zeroing the edge needs. Giving memory back must not fail for want
// of it: the very last frames are for this.
func (f *File) lockEdge(e piece) (*locked, error) {
	return f.lockWritable(e, 0, func(c *chunk) pageSet { return written(c, e) })
}

// zero clears the edge, where it has content.
func (l *locked) zero(e piece) {
	for page := range written(l.c, e).all() {
		a, b := e.within(page)
		clear(l.f.writableLocked(l.c, page, &l.hand)[a:b])
	}
}

func written(c *chunk, p piece) pageSet {
	if c == nil {
		return 0
	}
	return c.written() & p.touched()
}
