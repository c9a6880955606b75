package tiered

import (
	"context"
	"slices"
	"sync"
)

// A readahead loads what files that are read in sequence will need next. What is loaded is found by
// the stamps of extents, which are never used twice, so that it need not be told of changes. What
// cannot be loaded is left to whoever needs it.
type readahead struct {
	load  chan *window // of capacity windows
	lanes [loaders]*lane

	mu      sync.Mutex
	windows [windows]window // as long as windowPages
	glances [glances]window // as long as glancePages
	reads   uint64          // noted so far
}

const (
	windows     = 16 // what can be loaded at once
	windowPages = 4 * chunkPages
	windowSize  = windowPages * pageSize // bytes
	// depth is how many windows one file gets at most: two of the kernel's largest reads, one in use, one under way.
	depth = 8
	// loaders load windows: while some wait for the disk, one or two open what came.
	loaders = 4

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

func (r *readahead) provide(d Disk, b *buffers) {
	r.load = make(chan *window, windows)
	for i := range r.windows {
		r.windows[i].buf = b.take(windowPages + 1)
	}
	for i := range r.lanes {
		r.lanes[i] = newLane(d, windowPages)
	}
	for i := range r.glances {
		r.glances[i].buf = b.take(glancePages + 1)
		r.glances[i].lane = newLane(d, 1)
	}
}

// allLanes are all there are, to be closed.
func (r *readahead) allLanes() (all []*lane) {
	all = append(all, r.lanes[:]...)
	for i := range r.glances {
		all = append(all, r.glances[i].lane)
	}
	return all
}

// run is a loader's goroutine. It ends with ctx.
func (r *readahead) run(ctx context.Context, l *lane) {
	for {
		select {
		case w := <-r.load:
			r.loaded(w, w.fill(l) == nil)
		case <-ctx.Done():
			return
		}
	}
}

// readAhead notes that n bytes at off are being read which are not all in memory.
func (f *File) readAhead(off, n int64) {
	r := &f.s.ahead
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
	s.end = max(s.end, off+n)
	s.ahead = max(s.ahead, s.end)
}

// loadAhead has what follows loaded if f is being read in sequence, as far as there are free windows. It does
// not wait for the disk.
func (f *File) loadAhead() {
	r := &f.s.ahead
	for {
		w, from := r.next(f)
		if w == nil || !r.start(w, f.plan(w, from)) {
			return
		}
	}
}

// next is a free window if f is due for one, and from where in the file. The caller plans and starts it.
func (r *readahead) next(f *File) (*window, int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := f.sequence
	if s.planning || s.reads < sequentialAfter || s.ahead >= s.end+depth*windowSize {
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
				w.has = append(w.has, l)
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
	slices.SortFunc(w.has, bySlot)
	place(w.has)
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
	r.beginLocked(w)
	r.load <- w // has room for all
	return true
}
