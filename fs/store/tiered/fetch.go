package tiered

import (
	"cmp"
	"errors"
	"slices"
	"sync/atomic"
	"syscall"

	"vanishfs/fs/store/seal"
)

// errStale says that an extent was given up while it was being read.
var errStale = errors.New("extent is gone")

// A fetcher reads extents. Its buffers bound how much memory reads take, and how many go on at
// once.
type fetcher struct {
	buffers chan []byte // those not in use
	bytes   atomic.Int64
	tick    int64 // bytes fetched in one tick of now; immutable
}

const (
	fetchBuffers = 4
	fetchPages   = 55 // what one read gets at most; a buffer has room for a tag beyond
)

// recently is how many ticks make up the fetching of as much as memory holds. What is read
// twice within that would have been worth keeping; a scan of more than that is not.
const recently = 8

// now counts what has been fetched, in ticks from 1 on.
func (r *fetcher) now() uint32 { return uint32(r.bytes.Load()/r.tick) + 1 }

// want appends the extents of c that have pages of set which are nowhere else.
func (r *fetcher) want(c *chunk, set pageSet, missing []wanted) []wanted {
	set &= c.spilled()
	if set == 0 {
		return missing
	}
	now := r.now()
	before := c.fetched.Swap(now)
	again := before != 0 && now-before <= recently
	for _, e := range c.extents {
		if e.live&set != 0 {
			missing = append(missing, wanted{e, c.index, again})
		}
	}
	return missing
}

func (r *fetcher) provide(b *buffers, memory int64) {
	r.tick = max(memory/recently, 1)
	r.buffers = make(chan []byte, fetchBuffers)
	for range fetchBuffers {
		r.buffers <- b.take(fetchPages + 1)
	}
}

// load reads and opens extents, neighbours on the disk together, and calls use with each and its
// pages, which are valid during the call. No lock is held. The error is errStale or EIO.
func (f *File) load(ws []wanted, use func(w wanted, plain []byte)) error {
	slices.SortFunc(ws, func(a, b wanted) int { return cmp.Compare(a.slot, b.slot) })
	r := &f.s.fetcher
	buf := <-r.buffers
	defer func() { r.buffers <- buf }()
	for len(ws) > 0 {
		n, pages := together(ws)
		if err := f.loadRun(ws[:n], buf[:pages*pageSize], use); err != nil {
			return err
		}
		ws = ws[n:]
	}
	return nil
}

// together is how many of the first extents can be read in one go, and how many pages that is.
func together(ws []wanted) (n, pages int) {
	for n < len(ws) && int(ws[n].slot) == int(ws[0].slot)+pages && pages+ws[n].stored.len() <= fetchPages {
		pages += ws[n].stored.len()
		n++
	}
	return n, pages
}

// loadRun loads extents that follow each other on the disk into buf, which has room for one more page.
func (f *File) loadRun(ws []wanted, buf []byte, use func(w wanted, plain []byte)) error {
	defer clear(buf)
	off := int64(ws[0].slot) * pageSize
	if n, err := f.s.space.disk.ReadAt(buf, off); n < len(buf) {
		return f.failed(ws, off, err)
	}
	f.s.fetcher.bytes.Add(int64(len(buf)))
	key := f.sealer()
	for i, w := range ws {
		at := int(w.slot-ws[0].slot) * pageSize
		block := buf[at : at+w.stored.len()*pageSize]
		if err := key.Open(block, block, w.position(), w.stamp); err != nil {
			return f.failed(ws[i:i+1], off+int64(at), err)
		}
		use(w, block)
	}
	return nil
}

// position is what is bound to a sealed block: the offset of its first page in the file.
func (w wanted) position() int64 { return blockPosition(w.index, w.stored) }

// end is where the last page of a sealed block that is in use ends in the file.
func (w wanted) end() int64 { return w.index*chunkSize + int64(w.live.last()+1)*pageSize }

func blockPosition(index int64, stored pageSet) int64 {
	return index*chunkSize + int64(stored.first())*pageSize
}

// failed decides what it means that extents could not be read: if one is still in use, the
// disk is to blame.
func (f *File) failed(ws []wanted, off int64, err error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, w := range ws {
		if c := f.chunks.get(w.index); c == nil || c.same(w.extent) == nil {
			return errStale
		}
	}
	f.s.log.Error("tiered store: spilled data cannot be read", "file", f.id, "offset", ws[0].position(), "spill_offset", off, "err", err)
	return syscall.EIO
}

func (f *File) sealer() *seal.Key {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.key
}
