package tiered

import (
	"sync/atomic"
	"time"
)

// A glance is a small read that the disk gets before it is known that the reader has to wait at all: many
// disks answer sooner than it takes to have another goroutine wait. A reader that would hold up others waits no longer
// than glanceLimit, and only while the disk has been quick of late. What came is in a window of its own,
// where the reader finds it.
const (
	glances = 4 // at a time
	// glancePages is the most that is read at a glance: an extent and its neighbour.
	glancePages = 2 * blockPages
	// glanceQuick is the mean time up to which a disk is quick: what handing a request over takes.
	glanceQuick = 100 * time.Microsecond
	glanceLimit = 2 * glanceQuick
	// glanceAgain is what counts for a read that came too late: some twenty quick ones make up for it.
	glanceAgain = 20 * glanceQuick
)

// A tempo is the mean time of the last small reads.
type tempo struct{ nanoseconds atomic.Int64 }

// tempoWeight is how many reads the mean is mostly of.
const tempoWeight = 8

// note counts a read. Of two at once one may get lost.
func (t *tempo) note(took time.Duration) {
	mean := t.nanoseconds.Load()
	t.nanoseconds.Store(mean + (min(int64(took), int64(glanceAgain))-mean)/tempoWeight)
}

// slow forgets the mean: the disk has to be quick for a while again.
func (t *tempo) slow() { t.nanoseconds.Store(int64(glanceAgain)) }

func (t *tempo) quick() bool { return time.Duration(t.nanoseconds.Load()) <= glanceQuick }

// glance tries to have all that is wanted in a window at once, and reports whether it is there.
func (f *File) glance(ws []wanted) bool {
	s := f.s
	if n, pages := together(ws); n < len(ws) || pages > glancePages {
		return false
	}
	if !s.fetcher.tempo.quick() {
		return false
	}
	w := s.ahead.glanceFor(f, ws)
	if w == nil {
		return false
	}
	buf := w.take()
	r := read{buf: buf, off: int64(w.has[0].slot) * pageSize}
	start := time.Now()
	q := w.lane.queue()
	if q == nil {
		s.ahead.loaded(w, false)
		return false
	}
	if !q.try(&r, glanceLimit) {
		s.fetcher.tempo.slow()
		s.done.Go(func() {
			q.finish()
			s.ahead.loaded(w, false)
		})
		return false
	}
	s.fetcher.tempo.note(time.Since(start))
	ok := r.err == nil && w.open(buf) == nil
	s.ahead.loaded(w, ok)
	return ok
}

// glanceFor is a free window for a glance at ws, or one that nobody came for, or nil. It has begun.
func (r *readahead) glanceFor(f *File, ws []wanted) *window {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.glances {
		w := &r.glances[i]
		if w.ready && r.reads-w.used > patience {
			w.left = 0
			r.retireLocked(w)
		}
		if w.file == nil {
			w.file, w.has = f, append(w.has[:0], ws...)
			place(w.has)
			r.beginLocked(w)
			return w
		}
	}
	return nil
}
