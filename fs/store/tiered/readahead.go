package tiered

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// A readahead loads what files that are read in sequence will need next. What is loaded is found by
// the stamps of extents, which are never used twice, so that it need not be told of changes. What
// cannot be loaded is left to whoever needs it.
type readahead struct {
	load chan *window // of capacity windows

	mu      sync.Mutex
	windows [windows]window
	reads   uint64 // noted so far
}

const (
	windows     = 4 // what can be loaded at once: one in use, three under way
	windowPages = 4 * chunkPages
	windowSize  = windowPages * pageSize // bytes

	// sequentialAfter is how many reads, each near the end of those before, make a sequence.
	sequentialAfter = 3
	// near is how far apart, bytes, the reads of a sequence may be: the kernel sends several at once, in any
	// order, and what is in memory is not noted.
	near = 1 << 20
	// scanChunks bounds the search for spilled chunks under the file's lock.
	scanChunks = 64
	// patience is how many reads may be noted before a window that nobody uses is given up.
	patience = 64
)

// A sequence is where a file is being read. Guarded by readahead.mu.
type sequence struct {
	reads    int   // in sequence so far
	end      int64 // of these, bytes
	ahead    int64 // up to where windows were planned, bytes
	planning bool  // by somebody, just now
}

// A window is a part of a file, loaded before it is read. Guarded by readahead.mu, but that file, has
// and done are only changed while nobody uses or loads it, and buf is the loader's until done is closed.
type window struct {
	buf    []byte // windowPages, and room for a tag; immutable
	file   *File  // nil: free
	has    []loaded
	done   chan struct{} // closed when it is loaded; nil while it is planned
	failed bool          // buf is of no use
	users  int
	left   int    // extents that nobody has read to their end
	used   uint64 // readahead.reads when it was last of use
}

// A loaded is an extent and where in the window it is.
type loaded struct {
	wanted
	at int // bytes
}

func (r *readahead) provide(b *buffers) {
	r.load = make(chan *window, windows)
	for i := range r.windows {
		r.windows[i].buf = b.take(windowPages + 1)
	}
}

// run is a loader's goroutine. It ends with ctx.
func (r *readahead) run(ctx context.Context) {
	for {
		select {
		case w := <-r.load:
			failed := w.fill() != nil
			r.mu.Lock()
			w.failed = failed
			close(w.done)
			r.retireLocked(w)
			r.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// fill reads and opens the extents of w, neighbours on the disk together.
func (w *window) fill() error {
	s := w.file.s
	key := w.file.sealer()
	for rest := w.has; len(rest) > 0; {
		n, pages := 0, 0
		for n < len(rest) && int(rest[n].slot) == int(rest[0].slot)+pages {
			pages += rest[n].stored.len()
			n++
		}
		buf := w.buf[rest[0].at:][:pages*pageSize]
		if got, err := s.space.disk.ReadAt(buf, int64(rest[0].slot)*pageSize); got < len(buf) {
			return err
		}
		s.fetcher.bytes.Add(int64(len(buf)))
		for _, l := range rest[:n] {
			if err := key.Open(w.block(l), w.block(l), l.position(), l.stamp); err != nil {
				return err
			}
		}
		rest = rest[n:]
	}
	return nil
}

func (w *window) block(l loaded) []byte { return w.buf[l.at:][:l.stored.len()*pageSize] }

// retireLocked frees w if it is of no more use.
func (r *readahead) retireLocked(w *window) {
	if w.users > 0 || w.left > 0 && !w.failed {
		return
	}
	select {
	case <-w.done:
		clear(w.buf)
		*w = window{buf: w.buf, has: w.has[:0]}
	default: // its loader will
	}
}

// forget gives up what was loaded of a file that nobody has open.
func (r *readahead) forget(f *File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.windows {
		if w := &r.windows[i]; w.file == f {
			w.left = 0
			r.retireLocked(w)
		}
	}
}

// readAhead notes that n bytes at off are being read which are not all in memory, and has what follows
// loaded if that goes on a sequence. It does not wait for the disk.
func (f *File) readAhead(off, n int64) {
	r := &f.s.ahead
	r.note(f, off, off+n)
	for {
		w, from := r.next(f)
		if w == nil || !r.start(w, f.plan(w, from)) {
			return
		}
	}
}

func (r *readahead) note(f *File, off, end int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	s := f.sequence
	if s == nil {
		s = new(sequence)
		f.sequence = s
	}
	if off < s.end-near || off > s.end+near {
		*s = sequence{planning: s.planning}
	}
	s.reads++
	s.end = max(s.end, end)
	s.ahead = max(s.ahead, s.end)
}

// next is a free window if f is due for one, and from where in the file. The caller plans and starts it.
func (r *readahead) next(f *File) (*window, int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := f.sequence
	if s.planning || s.reads < sequentialAfter || s.ahead >= s.end+windows*windowSize {
		return nil, 0
	}
	for i := range r.windows {
		w := &r.windows[i]
		if w.done != nil && r.reads-w.used > patience {
			w.left = 0
			r.retireLocked(w)
		}
		if w.file == nil {
			w.file, s.planning = f, true
			return w, s.ahead
		}
	}
	return nil, 0
}

// plan fills in what w is to have: extents from the offset from on. It returns up to where.
func (f *File) plan(w *window, from int64) (to int64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	pages := 0
	to = from
	c := f.chunks.next(from / chunkSize)
	for range scanChunks {
		if c == nil {
			to = max(to, f.size)
			break
		}
		had := len(w.has)
		for _, e := range c.extents {
			if l := (wanted{extent: e, index: c.index}); e.live&c.spilled() != 0 && l.position() >= from {
				w.has = append(w.has, loaded{wanted: l})
				pages += e.stored.len()
			}
		}
		if pages > windowPages {
			w.has = w.has[:had]
			break
		}
		to = (c.index + 1) * chunkSize
		c = f.chunks.next(c.index + 1)
	}
	slices.SortFunc(w.has, func(a, b loaded) int { return cmp.Compare(a.slot, b.slot) })
	at := 0
	for i := range w.has {
		w.has[i].at = at
		at += w.has[i].stored.len() * pageSize
	}
	return to
}

// start has a planned window loaded, unless there is nothing in it.
func (r *readahead) start(w *window, to int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := w.file.sequence
	s.planning = false
	s.ahead = max(s.ahead, to)
	if len(w.has) == 0 {
		w.file = nil
		return false
	}
	w.done, w.left, w.used = make(chan struct{}), len(w.has), r.reads
	r.load <- w // has room for all
	return true
}

// A hit is a wanted extent that a window has or will have.
type hit struct {
	wanted
	in *window
	at loaded
}

// fromWindows calls use with those of the wanted extents that are in windows, and returns the
// others. The reader wants nothing of the file before end any more.
func (f *File) fromWindows(ws []wanted, end int64, use func(w wanted, plain []byte)) (rest []wanted) {
	hits, rest := f.s.ahead.find(f, ws)
	for _, h := range hits {
		if h.in.wait(f.s.ctx) {
			use(h.wanted, h.in.block(h.at))
		} else {
			rest = append(rest, h.wanted)
		}
	}
	f.s.ahead.leave(hits, end)
	return rest
}

// wait reports whether what w has can be used. The caller is one of its users.
func (w *window) wait(ctx context.Context) bool {
	select {
	case <-w.done:
		return !w.failed
	case <-ctx.Done():
		return false
	}
}

func (r *readahead) find(f *File, ws []wanted) (hits []hit, rest []wanted) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, want := range ws {
		in, at := r.findLocked(f, want)
		if in == nil {
			rest = append(rest, want)
			continue
		}
		in.users++
		in.used = r.reads
		hits = append(hits, hit{want, in, at})
	}
	return hits, rest
}

func (r *readahead) findLocked(f *File, want wanted) (*window, loaded) {
	for i := range r.windows {
		w := &r.windows[i]
		if w.file != f || w.done == nil {
			continue
		}
		for _, l := range w.has {
			if l.slot == want.slot && l.stamp == want.stamp {
				return w, l
			}
		}
	}
	return nil, loaded{}
}

func (r *readahead) leave(hits []hit, end int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range hits {
		h.in.users--
		if h.end() <= end {
			h.in.left--
		}
		r.retireLocked(h.in)
	}
}
