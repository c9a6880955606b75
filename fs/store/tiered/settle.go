package tiered

import (
	"log/slog"
	"sync"
	"syscall"
	"time"
)

// What is here ends what spill.go began: pages that were in flight are on the disk or stay in
// memory.

// settle ends the flight of a batch.
func (s *Store) settle(w *worker) {
	blocks := w.blocks
	for i := range w.items {
		n := 0
		for n < len(blocks) && blocks[n].item == i {
			n++
		}
		w.items[i].c.file.land(&w.items[i], blocks[:n], &w.debris)
		blocks = blocks[n:]
	}
}

// land takes an item's pages that are on the disk out of memory, in one step with saying where
// they are, and those that are not out of flight. What was changed during the flight has another
// frame by now: the old one goes, and its copy on the disk is dead at once.
func (f *File) land(it *item, blocks []block, d *debris) {
	f.mu.Lock()
	defer f.mu.Unlock()
	unchanged := it.unchangedLocked()
	gone := unchanged & it.done
	for page := range (it.set &^ (unchanged &^ it.done)).all() {
		d.frames = append(d.frames, it.frames[page])
	}
	for _, b := range blocks {
		if b.stored&it.done != 0 {
			f.addExtentLocked(it.c, b.extent, b.stored&gone)
		}
	}
	if unchanged == 0 {
		return
	}
	r := it.r
	r.flight &^= unchanged
	r.in &^= gone
	r.dirty &^= gone
	if r.in == 0 {
		f.s.clock.remove(r)
		it.c.ram = nil
	}
}

// unchangedLocked is the pages that are still as they were when the flight began. A page that
// was changed can be in flight again, with the other worker.
func (it *item) unchangedLocked() (s pageSet) {
	for page := range (it.set & it.r.flight).all() {
		if it.r.frames[page] == it.frames[page] {
			s |= pagesIn(page, 1)
		}
	}
	return s
}

// addExtentLocked records what was written, or gives its slots back if nothing of it is live.
func (f *File) addExtentLocked(c *chunk, e extent, live pageSet) {
	if live == 0 {
		f.s.space.put(e.slot, e.stored.len())
		return
	}
	e.live = live
	c.extents = append(c.extents, e)
	c.fetched.Store(0)
	f.s.pool.index.Add(extentBytes)
}

// dropClean drops all clean pages there are, hot or not: the last resort when the disk takes
// nothing. It returns how many.
func (s *Store) dropClean(w *worker) int {
	for range s.clock.len() {
		c := s.clock.sweep()
		if c == nil {
			break
		}
		f := c.file
		f.mu.Lock()
		if c.ram != nil {
			f.evictLocked(c, c.ram.in&^c.ram.dirty, &w.debris)
		}
		f.mu.Unlock()
	}
	return w.collect(s)
}

// trouble is whether the disk takes data, as far as the log has been told.
type trouble struct {
	mu   sync.Mutex
	told bool  // of trouble that is not over
	last int64 // when, nanoseconds
}

// troubleEvery is how often trouble is logged at most, nanoseconds: a disk that is nearly full
// can refuse and take in turns.
const troubleEvery = int64(time.Minute)

// report logs when the disk begins to refuse, and when it takes data again.
func (s *Store) report(err error) {
	t := &s.spiller.trouble
	t.mu.Lock()
	defer t.mu.Unlock()
	now := s.now()
	switch {
	case err != nil && !t.told && (t.last == 0 || now-t.last >= troubleEvery):
		t.told, t.last = true, now
		level := slog.LevelError
		if isFull(err) {
			level = slog.LevelWarn // writers are told
		}
		s.log.Log(s.ctx, level, "tiered store: data cannot be spilled, it stays in memory", "err", err)
	case err == nil && t.told:
		t.told = false
		s.log.Info("tiered store: data can be spilled again")
	}
}

// errnoOf is what a write gets that needs room which the disk refuses.
func errnoOf(err error) error {
	if isFull(err) {
		return syscall.ENOSPC
	}
	return syscall.EIO
}
