package tiered

import (
	"iter"
	"sync/atomic"

	"vanishfs/fs/store/seal"
)

// A chunk is the state of 16 pages of a file. Guarded by the file's mu but for what is said
// to be atomic.
//
// INVARIANT: resident pages and live pages of extents are held; a page is live in one extent at
// most; a resident page is dirty or live, not both; flight is within dirty, dirty within in.
type chunk struct {
	file  *File // immutable
	index int64 // immutable

	held    pageSet       // charged to the quota
	fetched atomic.Uint32 // when it was last read from the disk (fetcher.now), 0 never; set under a read lock
	ram     *resident     // nil: no page is in memory
	extents []extent
}

// A resident is the part of a chunk that is in memory.
type resident struct {
	frames [chunkPages]frame // of the pages in in
	in     pageSet
	dirty  pageSet
	flight pageSet // being spilled, not changed since; their frames belong to the worker

	heat       atomic.Uint32 // how often the clock passes by, at most heatMost
	chunk      *chunk        // immutable
	prev, next *resident     // guarded by clock.mu
}

// An extent is pages of a chunk in a sealed block on disk.
type extent struct {
	slot   uint32  // the first of stored.len() slots
	stored pageSet // what was sealed, in order
	live   pageSet // of that, what is still the chunk's content
	stamp  seal.Stamp
}

// in is the set of pages in memory.
func (c *chunk) in() pageSet {
	if c.ram == nil {
		return 0
	}
	return c.ram.in
}

func (c *chunk) flight() pageSet {
	if c.ram == nil {
		return 0
	}
	return c.ram.flight
}

// spans are the parts of p that are in memory, neighbouring frames together: where in p each begins,
// and its memory. A nil r has none.
func (r *resident) spans(a *arena, p piece) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		if r == nil {
			return
		}
		for set := r.in & p.touched(); set != 0; {
			first := set.first()
			n := 1
			for set.has(first+n) && r.frames[first+n] == r.frames[first]+frame(n) {
				n++
			}
			start := first * pageSize
			from, to := max(p.from, start), min(p.to, start+n*pageSize)
			if !yield(from-p.from, a.run(r.frames[first], n)[from-start:to-start]) {
				return
			}
			set &^= pagesIn(first, n)
		}
	}
}

func (c *chunk) live() (s pageSet) {
	for i := range c.extents {
		s |= c.extents[i].live
	}
	return s
}

// written pages have content; the other held ones read as zeros.
func (c *chunk) written() pageSet { return c.in() | c.live() }

// spilled pages are only on disk.
func (c *chunk) spilled() pageSet { return c.live() &^ c.in() }

// extentOf is the extent in which page is live.
func (c *chunk) extentOf(page int) *extent {
	for i := range c.extents {
		if c.extents[i].live.has(page) {
			return &c.extents[i]
		}
	}
	return nil
}

// same finds the extent that e is a copy of. A stamp is never used twice.
func (c *chunk) same(e extent) *extent {
	for i := range c.extents {
		if c.extents[i].stamp == e.stamp {
			return &c.extents[i]
		}
	}
	return nil
}
