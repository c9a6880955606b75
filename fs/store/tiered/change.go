package tiered

// What is here changes chunks under the file's lock. Frames and quota that become free are
// gathered as debris and given back after the lock is gone.

// debris is what an operation leaves over.
type debris struct {
	frames []frame
	pages  int64 // of quota
}

// collect gives debris back. No lock is held.
func (s *Store) collect(d *debris) {
	s.pool.give(d.frames)
	if d.pages > 0 {
		s.domain.ReleaseBytes(d.pages * pageSize)
	}
}

// chunkLocked is the chunk with that index; it is made if it is not there.
func (f *File) chunkLocked(index int64) *chunk {
	c := f.chunks.get(index)
	if c == nil {
		c = &chunk{file: f, index: index}
		f.chunks.put(c)
		f.s.pool.index.Add(chunkBytes)
	}
	return c
}

// holdLocked marks pages as charged; the quota has been reserved.
func (f *File) holdLocked(c *chunk, set pageSet) {
	f.held += int64((set &^ c.held).len())
	c.held |= set
}

// residentLocked makes room for frames in c.
func (f *File) residentLocked(c *chunk) *resident {
	if c.ram == nil {
		c.ram = &resident{chunk: c}
		if f.size <= chunkSize { // a small file: keep it as long as others let it
			c.ram.heat.Store(heatMost)
		}
		f.s.clock.add(c.ram)
	}
	return c.ram
}

// supersedeLocked makes pages on disk dead. An extent without live ones gives its slots back.
func (f *File) supersedeLocked(c *chunk, set pageSet) {
	kept := c.extents[:0]
	for _, e := range c.extents {
		if e.live &^= set; e.live != 0 {
			kept = append(kept, e)
			continue
		}
		f.s.space.put(e.slot, e.stored.len())
		f.s.pool.index.Add(-extentBytes)
	}
	clear(c.extents[len(kept):])
	c.extents = kept
	if len(kept) == 0 {
		c.extents = nil
	}
}

// evictLocked takes pages out of memory; the frames of those in flight stay the worker's.
func (f *File) evictLocked(c *chunk, set pageSet, d *debris) {
	r := c.ram
	if r == nil {
		return
	}
	set &= r.in
	for page := range (set &^ r.flight).all() {
		d.frames = append(d.frames, r.frames[page])
	}
	r.in &^= set
	r.dirty &^= set
	r.flight &^= set
	if r.in == 0 {
		f.s.clock.remove(r)
		c.ram = nil
	}
}

// blankLocked removes the content of pages, wherever it is. They stay charged.
func (f *File) blankLocked(c *chunk, set pageSet, d *debris) {
	f.evictLocked(c, set, d)
	f.supersedeLocked(c, set)
}

// punchLocked makes holes of pages, and reports whether c holds nothing any more.
func (f *File) punchLocked(c *chunk, set pageSet, d *debris) (empty bool) {
	f.blankLocked(c, set, d)
	gone := c.held & set
	c.held &^= gone
	f.held -= int64(gone.len())
	d.pages += int64(gone.len())
	return c.held == 0
}

// discardLocked makes holes of all pages that lie wholly within [from, to); maxSize is past
// the last page.
func (f *File) discardLocked(from, to int64, d *debris) {
	end := to / chunkSize
	if to%chunkSize != 0 {
		end++
	}
	f.chunks.prune(from/chunkSize, end, func(c *chunk) bool {
		start := c.index * chunkSize
		p := piece{c.index, int(max(from-start, 0)), chunkSize}
		if to < maxSize {
			p.to = int(min(to-start, chunkSize))
		}
		if !f.punchLocked(c, p.whole(), d) {
			return false
		}
		f.s.pool.index.Add(-chunkBytes)
		return true
	})
}

// writableLocked is the frame of a page for changing its content: what is there stays, or is
// zeros. It takes a frame from h if neededLocked counted the page. A page that is only on disk must
// have been brought or be overwritten in whole.
func (f *File) writableLocked(c *chunk, page int, h *hand) []byte {
	r := f.residentLocked(c)
	arena := &f.s.pool.arena
	switch {
	case !r.in.has(page):
		r.frames[page] = h.pop()
		r.in |= pagesIn(page, 1)
	case r.flight.has(page): // the worker reads it: change a copy, and keep that from now on
		copyOf := h.pop()
		copy(arena.page(copyOf), arena.page(r.frames[page]))
		r.frames[page] = copyOf
		r.flight &^= pagesIn(page, 1)
	}
	if !r.dirty.has(page) {
		r.dirty |= pagesIn(page, 1)
		f.supersedeLocked(c, pagesIn(page, 1))
	}
	return arena.page(r.frames[page])
}

// neededLocked is how many frames it takes to make pages of c writable. c may be nil.
func neededLocked(c *chunk, set pageSet) int {
	if c != nil {
		set &^= c.in() &^ c.flight()
	}
	return set.len()
}
