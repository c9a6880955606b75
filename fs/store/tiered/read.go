package tiered

import "syscall"

// A wanted extent is one that a reader needs, as it was when the reader met it.
type wanted struct {
	extent
	index int64 // of the chunk
	again bool  // the chunk was read from the disk not long ago: worth bringing back
	at    int   // where it is put in a buffer, bytes
}

// ReadAt implements store.File.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.readAt(p, off, true) }

// ReadUnseen implements store.File.
func (f *File) ReadUnseen(p []byte, off int64) (int, error) { return f.readAt(p, off, false) }

// readAt moves atime if that is to be seen.
func (f *File) readAt(p []byte, off int64, seen bool) (int, error) {
	if off < 0 {
		return 0, syscall.EINVAL
	}
	for {
		n, missing := f.readMemory(p, off, seen)
		if len(missing) == 0 {
			return n, nil
		}
		switch err := f.readDisk(p[:n], off, missing); err {
		case nil:
			return n, nil
		case errStale: // changed meanwhile
		default:
			return 0, err
		}
	}
}

// readMemory fills in what is in memory and what is zeros, and returns which extents have the rest.
func (f *File) readMemory(p []byte, off int64, seen bool) (n int, missing []wanted) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if off >= f.size || len(p) == 0 {
		return 0, nil
	}
	p = p[:min(int64(len(p)), f.size-off)]
	if seen {
		f.accessed()
	}
	for at := range pieces(off, int64(len(p))) {
		part := p[at.start()-off:][:at.len()]
		c := f.chunks.get(at.index)
		if c == nil {
			clear(part)
			continue
		}
		f.touch(c)
		f.readResident(c, at, part)
		missing = f.s.fetcher.want(c, at.touched(), missing)
	}
	return len(p), missing
}

// readResident fills in the pages of at that are in memory, and zeros for those that are nowhere.
func (f *File) readResident(c *chunk, at piece, part []byte) {
	for page := range (at.touched() &^ c.written()).all() {
		a, b := at.within(page)
		clear(part[page*pageSize+a-at.from:][:b-a])
	}
	for from, mem := range c.ram.spans(&f.s.pool.arena, at) {
		copy(part[from:], mem)
	}
}

// readDisk fills in what is in the wanted extents.
func (f *File) readDisk(p []byte, off int64, missing []wanted) error {
	f.readAhead(off, int64(len(p)))
	f.loadAhead()
	defer f.loadAhead() // with the windows that are free now
	use := func(w wanted, plain []byte) {
		whole := piece{w.index, 0, chunkSize}
		for page := range w.live.all() {
			from := whole.start() + int64(page)*pageSize
			a, b := max(from, off), from+min(pageSize, off+int64(len(p))-from)
			if a < b {
				copy(p[a-off:b-off], plain[int64(w.stored.rank(page))*pageSize+a-from:])
			}
		}
		if w.again {
			f.comeBack(w, plain)
		}
	}
	missing = f.fromWindows(missing, roundUp(off+int64(len(p))), use)
	if len(missing) == 0 {
		return nil
	}
	return f.load(missing, use)
}

// comeBack puts pages that are read repeatedly into memory, if that has room to spare.
func (f *File) comeBack(w wanted, plain []byte) {
	var h hand
	n := w.live.len()
	if !f.s.pool.take(h.frames[:n], f.s.pool.marks.low) {
		f.s.spiller.wake()
		return
	}
	h.n = n
	f.install(w, plain, w.live, &h)
	f.s.pool.give(h.left())
}

// install puts pages of an extent into memory as clean ones, with frames from h, unless the
// chunk has changed.
func (f *File) install(w wanted, plain []byte, set pageSet, h *hand) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.chunks.get(w.index)
	if c == nil {
		return
	}
	e := c.same(w.extent)
	if e == nil {
		return
	}
	set &= e.live &^ c.in()
	if set == 0 {
		return
	}
	r := f.residentLocked(c)
	for page := range set.all() {
		r.frames[page] = h.pop()
		copy(f.s.pool.arena.page(r.frames[page]), plain[w.stored.rank(page)*pageSize:])
		r.in |= pagesIn(page, 1)
	}
	r.warm()
}

// bring puts one spilled page into memory, to be changed in part. When it returns without an
// error the page may still not be there: the caller looks again.
func (f *File) bring(index int64, page, mark int) error {
	f.mu.RLock()
	var w wanted
	if c := f.chunks.get(index); c != nil && c.spilled().has(page) {
		w = wanted{extent: *c.extentOf(page), index: index}
	}
	f.mu.RUnlock()
	if w.live == 0 {
		return nil
	}
	var h hand
	if err := f.s.acquire(&h, 1, mark); err != nil {
		return err
	}
	defer func() { f.s.pool.give(h.left()) }()
	err := f.load([]wanted{w}, func(w wanted, plain []byte) {
		f.install(w, plain, pagesIn(page, 1), &h)
	})
	if err == errStale {
		return nil
	}
	return err
}
