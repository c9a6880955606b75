package tiered

import (
	"sync"
	"sync/atomic"

	"vanishfs/fs/store/seal"
)

// A spiller moves cold chunks to the disk. Its workers take turns at the clock.
type spiller struct {
	workers [spillWorkers]worker
	sealing sync.Mutex    // held by the one worker that seals: the others write, and requests have a CPU
	kick    chan struct{} // of capacity 1: memory is short
	bytes   atomic.Int64
	busy    atomic.Int32 // workers that are at it
	trouble trouble
}

const (
	spillWorkers = 4   // one seals while others write
	batchPages   = 128 // what one write has at most
	batchPicks   = 4 * batchPages / chunkPages
)

// A worker is one goroutine that spills, with its buffers.
type worker struct {
	sealed []byte // a batch, and room for a tag
	plain  []byte // one block, if its pages are not neighbours
	items  []item
	blocks []block
	debris debris
}

// An item is the pages of one chunk that are in flight. Their frames are the worker's.
type item struct {
	c      *chunk
	r      *resident
	key    *seal.Key
	set    pageSet
	frames [chunkPages]frame
	done   pageSet // of set: on the disk
}

// A block is what is sealed together: pages of one item.
type block struct {
	item int
	extent
}

func (s *spiller) provide(b *buffers) {
	s.kick = make(chan struct{}, 1)
	for i := range s.workers {
		w := &s.workers[i]
		w.sealed = b.take(batchPages + 1)
		w.plain = b.take(blockPages)
	}
}

// wake lets the workers look whether memory is short. It never waits.
func (s *spiller) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// spill is a worker's goroutine. It ends with the store.
func (s *Store) spill(w *worker) {
	for {
		select {
		case <-s.spiller.kick:
		case <-s.ctx.Done():
			return
		}
		s.spiller.busy.Add(1)
		for s.ctx.Err() == nil && s.pool.isShort() && s.spillBatch(w) {
			s.spiller.wake() // the other worker, too
		}
		s.spiller.busy.Add(-1)
	}
}

// spillBatch makes room by dropping cold clean pages and writing cold dirty ones. It reports
// whether it got anywhere.
func (s *Store) spillBatch(w *worker) bool {
	attempt := s.pool.begin()
	freed, err := s.tryBatch(w)
	if err != nil && freed == 0 {
		freed = s.dropClean(w)
	}
	s.pool.end(attempt, freed > 0, err)
	return freed > 0
}

// tryBatch is the usual case. It returns how many frames it freed, and why not more.
func (s *Store) tryBatch(w *worker) (freed int, err error) {
	s.gather(w)
	freed = w.collect(s)
	if len(w.items) == 0 {
		return freed, nil
	}
	if err = s.sealBatch(w); err == nil {
		err = s.writeBatch(w)
	}
	s.settle(w)
	freed += w.collect(s)
	s.report(err)
	if err != nil {
		err = errnoOf(err)
	}
	return freed, err
}

// collect gives the worker's debris back, keeps its list, and returns how many frames there were.
func (w *worker) collect(s *Store) int {
	n := len(w.debris.frames)
	s.collect(&w.debris)
	w.debris.frames = w.debris.frames[:0]
	return n
}

// gather picks cold chunks until a batch is full: their clean pages go at once, the dirty ones
// are in flight from now on.
func (s *Store) gather(w *worker) {
	clear(w.items)
	w.items, w.blocks = w.items[:0], w.blocks[:0]
	pages := 0
	for picks := 0; pages+chunkPages <= batchPages && picks < batchPicks; picks++ {
		c := s.clock.pick()
		if c == nil {
			break
		}
		if it := c.file.launch(c, &w.debris); it.set != 0 {
			w.items = append(w.items, it)
			pages += it.set.len()
		}
	}
}

// launch drops c's clean pages and puts its dirty ones in flight.
func (f *File) launch(c *chunk, d *debris) (it item) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.ram == nil || c.ram.flight != 0 {
		return it
	}
	f.reuniteLocked(c)
	r := c.ram
	f.evictLocked(c, r.in&^r.dirty, d)
	if c.ram == nil {
		return it
	}
	if f.key == nil {
		f.key = f.s.ring.NewKey(f.id)
	}
	r.flight = r.dirty
	return item{c: c, r: r, key: f.key, set: r.dirty, frames: r.frames}
}

// reuniteLocked makes clean pages dirty that will lie better on the disk together with dirty ones
// of the same block: what they leave has dead pages already.
func (f *File) reuniteLocked(c *chunk) {
	for b := range c.ram.dirty.blocks() {
		at := b.first() / blockPages * blockPages
		for page := range (c.ram.in & pagesIn(at, blockPages) &^ c.ram.dirty).all() {
			if e := c.extentOf(page); e.live != e.stored {
				c.ram.dirty |= pagesIn(page, 1)
				f.supersedeLocked(c, pagesIn(page, 1))
			}
		}
	}
}

// sealBatch seals all items' pages into the buffer, one block after the other. Nobody changes
// them: see writableLocked.
func (s *Store) sealBatch(w *worker) (err error) {
	s.spiller.sealing.Lock()
	defer s.spiller.sealing.Unlock()
	at := 0
	for i := range w.items {
		it := &w.items[i]
		for stored := range it.set.blocks() {
			n := stored.len() * pageSize
			st, serr := it.key.Seal(w.sealed[at:at+n], w.gatherPlain(&s.pool.arena, it, stored), blockPosition(it.c.index, stored))
			if serr != nil {
				if serr != seal.ErrForgotten { // the file is gone: nothing to do but give its frames back
					err = serr
				}
				continue
			}
			w.blocks = append(w.blocks, block{i, extent{stored: stored, stamp: st}})
			at += n
		}
	}
	clear(w.plain)
	return err
}

// gatherPlain is the content of some of an item's pages as one slice, valid until the next call.
func (w *worker) gatherPlain(a *arena, it *item, stored pageSet) []byte {
	first, n := stored.first(), 0
	neighbours := true
	for page := range stored.all() {
		neighbours = neighbours && it.frames[page] == it.frames[first]+frame(n)
		n++
	}
	if neighbours {
		return a.run(it.frames[first], n)
	}
	n = 0
	for page := range stored.all() {
		n += copy(w.plain[n:], a.page(it.frames[page]))
	}
	return w.plain[:n]
}

// writeBatch writes the sealed blocks in as few runs as the spill file's free space allows. What
// was written is marked as done in its item. A disk is full only when it has been given back what is free.
func (s *Store) writeBatch(w *worker) error {
	buf, tried := w.sealed, false
	for rest := w.blocks; len(rest) > 0; {
		given := s.space.given.Load()
		start, got := s.space.take(min(pagesOfBlocks(rest), groupSlots), rest[0].stored.len())
		n, pages := 0, 0
		for n < len(rest) && pages+rest[n].stored.len() <= got {
			rest[n].slot = start + uint32(pages)
			pages += rest[n].stored.len()
			n++
		}
		if pages < got {
			s.space.put(start+uint32(pages), got-pages)
		}
		if _, err := s.space.disk.WriteAt(buf[:pages*pageSize], int64(start)*pageSize); err != nil {
			again := !tried && s.madeRoom(err, given)
			s.giveUp(start, pages, err)
			if !again {
				return err
			}
			tried = true
			continue
		}
		s.spiller.bytes.Add(int64(pages) * pageSize)
		for _, b := range rest[:n] {
			w.items[b.item].done |= b.stored
		}
		rest, buf = rest[n:], buf[pages*pageSize:]
	}
	return nil
}

// madeRoom gives a full disk back what is free, and says whether it got any since that much had been given.
func (s *Store) madeRoom(err error, given int64) bool {
	if !isFull(err) {
		return false
	}
	s.space.reclaim(s.ctx)
	return s.space.given.Load() != given
}

func pagesOfBlocks(blocks []block) (n int) {
	for _, b := range blocks {
		n += b.stored.len()
	}
	return n
}

// giveUp gives back slots that could not be written; those of a broken disk are avoided.
func (s *Store) giveUp(start uint32, pages int, err error) {
	if isFull(err) {
		s.space.put(start, pages)
		return
	}
	s.space.lose(start, pages)
}
