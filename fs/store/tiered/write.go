package tiered

import (
	"math"
	"syscall"
)

// maxSize is the largest size of a file, as on tmpfs (mm/shmem.c, MAX_LFS_FILESIZE).
const maxSize = math.MaxInt64

// smallFile is the size, bytes, up to which writes are not slowed down and may use the last
// free frames: what other programs do beside one that fills the disk.
const smallFile = 1 << 20

// WriteAt implements store.File.
func (f *File) WriteAt(p []byte, off int64) (done int, err error) {
	if off < 0 {
		return 0, syscall.EINVAL
	}
	if off > maxSize-int64(len(p)) {
		return 0, syscall.EFBIG
	}
	for done < len(p) {
		at := pieceAt(off+int64(done), int64(len(p)-done))
		n, err := f.writePiece(at, p[done:done+at.len()])
		done += n
		if err != nil && done == 0 {
			return 0, err
		}
		if err != nil || n < at.len() {
			break
		}
	}
	return done, nil
}

// writePiece writes data, which is as long as p, or as much of it as the quota lets it.
func (f *File) writePiece(p piece, data []byte) (int, error) {
	l, err := f.lockWritable(p, f.writersMark(p), func(*chunk) pageSet { return p.touched() })
	if err != nil {
		return 0, err
	}
	defer l.unlock()
	p = f.reserveLocked(l.c, p)
	if p.len() == 0 {
		return 0, syscall.ENOSPC
	}
	c := f.chunkLocked(p.index)
	f.holdLocked(c, p.touched())
	for page := range p.touched().all() {
		f.writableLocked(c, page, &l.hand)
	}
	for at, mem := range c.ram.spans(&f.s.pool.arena, p) {
		copy(mem, data[at:])
	}
	f.touch(c)
	f.size = max(f.size, p.start()+int64(p.len()))
	f.modifiedLocked()
	return p.len(), nil
}

// writersMark slows down who fills a large file, and is how many frames that leaves.
func (f *File) writersMark(p piece) int {
	if p.start() < smallFile {
		return f.s.pool.marks.spare
	}
	f.s.throttle()
	return f.s.pool.marks.reserve
}

// reserveLocked reserves quota for the pages that p adds and returns what of p it was enough for.
func (f *File) reserveLocked(c *chunk, p piece) piece {
	missing := p.touched()
	if c != nil {
		missing &^= c.held
	}
	if missing == 0 {
		return p
	}
	got := int(f.s.domain.ReserveUpTo(int64(missing.len())*pageSize) / pageSize)
	for page := range missing.all() {
		if got--; got < 0 {
			p.to = max(p.from, page*pageSize)
			break
		}
	}
	return p
}

// A locked file has all that is needed to change some pages of one chunk.
type locked struct {
	f    *File
	c    *chunk // nil if it does not exist
	hand hand
}

// lockWritable locks f with enough frames in hand to make those pages of p's chunk (which can be
// nil) writable that which says. Those that p covers in part are in memory then, if they have content.
func (f *File) lockWritable(p piece, mark int, which func(*chunk) pageSet) (*locked, error) {
	l := &locked{f: f}
	for {
		f.mu.Lock()
		l.c = f.chunks.get(p.index)
		set := which(l.c)
		if partial := partlySpilled(l.c, set, p); partial != 0 {
			f.mu.Unlock()
			l.drop()
			if err := f.bring(p.index, partial.first(), mark); err != nil {
				return nil, err
			}
			continue
		}
		need := neededLocked(l.c, set)
		if need <= l.hand.n {
			return l, nil
		}
		if f.s.pool.take(l.hand.frames[l.hand.n:need], mark) {
			l.hand.n = need
			return l, nil
		}
		f.mu.Unlock()
		if err := f.s.acquire(&l.hand, need, mark); err != nil {
			l.drop()
			return nil, err
		}
	}
}

// partlySpilled is the pages of set that are on disk only and of which p covers a part.
func partlySpilled(c *chunk, set pageSet, p piece) pageSet {
	if c == nil {
		return 0
	}
	return c.spilled() & set &^ p.whole()
}

func (l *locked) unlock() {
	l.f.mu.Unlock()
	l.drop()
}

// drop gives back the frames that were not used. No lock is held.
func (l *locked) drop() {
	l.f.s.pool.give(l.hand.left())
	l.hand = hand{}
}
