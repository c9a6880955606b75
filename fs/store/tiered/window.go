package tiered

import (
	"context"
	"sort"
)

// A window is a part of a file, loaded before it is read. Guarded by readahead.mu, but that file, has
// and done are only changed while nobody uses or loads it, and buf is the loader's until done is closed.
type window struct {
	buf  []byte // room for a tag included; immutable
	lane *lane  // a glance's own; nil: a loader's is used; immutable

	file   *File    // nil: free
	has    []wanted // in the order of their slots, placed in buf
	done   chan struct{}
	ready  bool // done is closed, and buf holds plaintext
	failed bool // done is closed, and buf is of no use
	users  int
	left   int    // extents that nobody has read to their end
	used   uint64 // readahead.reads when it was last of use
	gone   bool   // file is: buf is to be wiped

	stains  uint64 // whose plaintext buf can hold even while it is free: a file's id
	stained int    // in how many bytes, from the start; 0: none
}

// beginLocked says that w, which has been planned, is being loaded.
func (r *readahead) beginLocked(w *window) {
	w.done, w.left, w.used = make(chan struct{}), len(w.has), r.reads
}

// loaded says what became of a window that has begun.
func (r *readahead) loaded(w *window, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.ready, w.failed = ok, !ok
	close(w.done)
	r.retireLocked(w)
}

// fill reads and opens the extents of w.
func (w *window) fill(l *lane) error {
	buf := w.take()
	if _, err := l.fetch(w.has, buf); err != nil {
		return err
	}
	return w.open(buf)
}

// open opens what was read.
func (w *window) open(buf []byte) error {
	w.file.s.fetcher.bytes.Add(int64(len(buf)))
	key := w.file.sealer()
	for _, e := range w.has {
		if err := e.open(key, buf); err != nil {
			return err
		}
	}
	return nil
}

// take is the part of the buffer that is about to be filled in. What is beyond it or of another file is
// wiped; a buffer is not wiped otherwise between windows of one file, which would take as long as filling it.
func (w *window) take() []byte {
	last := w.has[len(w.has)-1]
	size := last.at + last.stored.len()*pageSize
	kept := 0
	if w.stains == w.file.id {
		kept = min(size, w.stained)
	}
	clear(w.buf[kept:w.stained])
	w.stains, w.stained = w.file.id, size
	return w.buf[:size]
}

// retireLocked frees w if it is of no more use.
func (r *readahead) retireLocked(w *window) {
	if w.users > 0 || w.left > 0 && !w.failed || !w.ready && !w.failed {
		return
	}
	if w.gone {
		w.wipe()
	}
	*w = window{buf: w.buf, lane: w.lane, has: w.has[:0], stains: w.stains, stained: w.stained}
}

func (w *window) wipe() {
	clear(w.buf[:w.stained])
	w.stained = 0
}

// forget gives up what was loaded of a file that is gone, and wipes it.
func (r *readahead) forget(f *File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range [][]window{r.windows[:], r.glances[:]} {
		for i := range of {
			r.forgetLocked(&of[i], f)
		}
	}
}

func (r *readahead) forgetLocked(w *window, f *File) {
	switch {
	case w.file == f:
		w.left, w.gone = 0, true
		r.retireLocked(w)
	case w.file == nil && w.stains == f.id:
		w.wipe()
	}
}

// A hit is a wanted extent that a window has or will have.
type hit struct {
	wanted
	in *window
	at wanted // as the window has it
}

// fromWindows calls use with those of the wanted extents that are in windows, and returns the
// others. The reader wants nothing of the file before end any more.
func (f *File) fromWindows(ws []wanted, end int64, use func(w wanted, plain []byte)) (rest []wanted) {
	hits, rest := f.s.ahead.find(f, ws)
	for _, h := range hits {
		if h.in.wait(f.s.ctx) {
			use(h.wanted, h.at.block(h.in.buf))
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
		return w.ready
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

// has reports whether all that is wanted is in windows and need not be waited for.
func (r *readahead) has(f *File, ws []wanted) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, want := range ws {
		if in, _ := r.findLocked(f, want); in == nil || !in.ready {
			return false
		}
	}
	return true
}

func (r *readahead) findLocked(f *File, want wanted) (*window, wanted) {
	for i := range r.windows {
		if at, ok := r.windows[i].find(f, want); ok {
			return &r.windows[i], at
		}
	}
	for i := range r.glances {
		if at, ok := r.glances[i].find(f, want); ok {
			return &r.glances[i], at
		}
	}
	return nil, wanted{}
}

func (w *window) find(f *File, want wanted) (wanted, bool) {
	if w.file != f || w.done == nil || want.slot > w.has[len(w.has)-1].slot {
		return wanted{}, false
	}
	i := sort.Search(len(w.has), func(i int) bool { return w.has[i].slot >= want.slot })
	if w.has[i].slot != want.slot || w.has[i].stamp != want.stamp {
		return wanted{}, false
	}
	return w.has[i], true
}

func (r *readahead) leave(hits []hit, end int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range hits {
		h.in.users--
		if h.end() <= end || h.in.lane != nil { // a glance is for one read
			h.in.left--
		}
		r.retireLocked(h.in)
	}
}
