package tiered

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"vanishfs/fs/store/seal"
)

// errStale says that an extent was given up while it was being read.
var errStale = errors.New("extent is gone")

// A fetcher reads extents that somebody waits for. Its intakes bound how much memory that takes, and how
// many go on at once.
type fetcher struct {
	intakes chan *intake // those not in use
	bytes   atomic.Int64
	tick    int64 // bytes fetched in one tick of now; immutable
	tempo   tempo
}

// An intake is a lane with a buffer.
type intake struct {
	*lane
	buf []byte // fetchPages, and room for a tag
}

const (
	fetchIntakes = 4
	fetchPages   = 55 // what one intake takes at most
)

// recently is how many ticks make up the fetching of as much as memory holds. What is read
// twice within that would have been worth keeping; a scan of more than that is not.
const recently = 8

// now counts what has been fetched, in ticks from 1 on.
func (r *fetcher) now() uint32 { return uint32(r.bytes.Load()/r.tick) + 1 }

// want appends the extents of c that have pages of set which are nowhere else.
func (r *fetcher) want(c *chunk, set pageSet, missing []wanted) []wanted {
	if set&c.spilled() == 0 {
		return missing
	}
	now := r.now()
	before := c.fetched.Swap(now)
	return c.want(set, before != 0 && now-before <= recently, missing)
}

func (c *chunk) want(set pageSet, again bool, to []wanted) []wanted {
	set &= c.spilled()
	for _, e := range c.extents {
		if e.live&set != 0 {
			to = append(to, wanted{extent: e, index: c.index, again: again})
		}
	}
	return to
}

func (r *fetcher) provide(d Disk, b *buffers, memory int64) {
	r.tick = max(memory/recently, 1)
	r.tempo.slow()
	r.intakes = make(chan *intake, fetchIntakes)
	for range fetchIntakes {
		r.intakes <- &intake{newLane(d, fetchPages), b.take(fetchPages + 1)}
	}
}

// allLanes are those of free intakes, which are all when nobody reads any more; to be closed.
func (r *fetcher) allLanes() (all []*lane) {
	for range len(r.intakes) {
		in := <-r.intakes
		all = append(all, in.lane)
	}
	return all
}

// load reads and opens extents and calls use with each and its pages, which are valid during the call, from
// several goroutines if there is much to open. No lock is held. The error is errStale or EIO.
func (f *File) load(ws []wanted, use func(w wanted, plain []byte)) error {
	slices.SortFunc(ws, bySlot)
	n := filling(ws)
	if n == len(ws) {
		return f.loadPart(ws, use)
	}
	var others sync.WaitGroup
	var failed atomic.Pointer[error]
	part := func(ws []wanted) {
		if err := f.loadPart(ws, use); err != nil {
			failed.Store(&err)
		}
	}
	for rest := ws[n:]; len(rest) > 0; {
		next := rest[:filling(rest)]
		rest = rest[len(next):]
		others.Go(func() { part(next) })
	}
	part(ws[:n])
	others.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// filling is how many of the first extents go into an intake.
func filling(ws []wanted) (n int) {
	for pages := 0; n < len(ws); n++ {
		if pages += ws[n].stored.len(); pages > fetchPages {
			break
		}
	}
	return n
}

// loadPart loads what goes into an intake.
func (f *File) loadPart(ws []wanted, use func(w wanted, plain []byte)) error {
	r := &f.s.fetcher
	in := <-r.intakes
	buf := in.buf[:place(ws)]
	defer func() {
		clear(buf)
		r.intakes <- in
	}()
	start := time.Now()
	if bad, err := in.fetch(ws, buf); err != nil {
		return f.failed(bad, err)
	}
	if len(buf) <= glancePages*pageSize {
		r.tempo.note(time.Since(start))
	}
	r.bytes.Add(int64(len(buf)))
	key := f.sealer()
	for i, w := range ws {
		if err := w.open(key, buf); err != nil {
			return f.failed(ws[i:i+1], err)
		}
		use(w, w.block(buf))
	}
	return nil
}

// block is the extent's place in the buffer.
func (w wanted) block(buf []byte) []byte { return buf[w.at:][:w.stored.len()*pageSize] }

// open decrypts the extent in its place in the buffer, which has room for a tag behind it.
func (w wanted) open(key *seal.Key, buf []byte) error {
	return key.Open(w.block(buf), w.block(buf), w.position(), w.stamp)
}

func bySlot(a, b wanted) int { return cmp.Compare(a.slot, b.slot) }

// position is what is bound to a sealed block: the offset of its first page in the file.
func (w wanted) position() int64 { return blockPosition(w.index, w.stored) }

// end is where the last page of a sealed block that is in use ends in the file.
func (w wanted) end() int64 { return w.index*chunkSize + int64(w.live.last()+1)*pageSize }

func blockPosition(index int64, stored pageSet) int64 {
	return index*chunkSize + int64(stored.first())*pageSize
}

// failed decides what it means that extents could not be read: if one is still in use, the
// disk is to blame.
func (f *File) failed(ws []wanted, err error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, w := range ws {
		if c := f.chunks.get(w.index); c == nil || c.same(w.extent) == nil {
			return errStale
		}
	}
	f.s.log.Error("tiered store: spilled data cannot be read", "file", f.id, "offset", ws[0].position(), "spill_offset", int64(ws[0].slot)*pageSize, "err", err)
	return syscall.EIO
}

func (f *File) sealer() *seal.Key {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.key
}
