package tiered

import (
	"math"

	"vanishfs/fs/store"
)

var (
	_ store.Disk     = (*Store)(nil)
	_ store.DiskFile = (*File)(nil)
)

// Tiers implements store.Disk.
func (s *Store) Tiers() store.Tiers {
	st := s.Stats()
	return store.Tiers{
		Memory:     st.MemoryLimit,
		MemoryUsed: st.Memory + st.Index,
		Spill:      st.Spill,
		Spilled:    st.Spilled,
		Fetched:    st.Fetched,
	}
}

// MayWait implements store.DiskFile. A read waits for spilled pages that are not loaded yet; a write for memory, and
// for the spilled pages that it changes in part. To find out about a small read it may be read already: see glance.
func (f *File) MayWait(off, n int64, write bool) bool {
	if off < 0 || n <= 0 {
		return false
	}
	end := off + min(n, math.MaxInt64-off)
	if !write {
		var room [glancePages]wanted
		ws := f.spilled(off, end, room[:0])
		return len(ws) > 0 && !f.s.ahead.has(f, ws) && !f.glance(ws)
	}
	return f.s.pool.available()-int((end-off)/pageSize+2) < writeMark(f.s.pool.marks, end) || f.edgesSpilled(off, end)
}

// writeMark is how much must stay available for a write that ends at end not to be held up.
func writeMark(m marks, end int64) int {
	if end > smallFile {
		return m.low // see throttle
	}
	return m.spare
}

// spilled appends the extents with the pages of [off, end) that are only on disk.
func (f *File) spilled(off, end int64, to []wanted) []wanted {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for c := f.chunks.next(off / chunkSize); c != nil && c.index*chunkSize < end; c = f.chunks.next(c.index + 1) {
		start := c.index * chunkSize
		p := piece{c.index, int(max(off-start, 0)), int(min(end-start, chunkSize))}
		to = c.want(p.touched(), false, to)
	}
	return to
}

// edgesSpilled says whether a page of which [off, end) has only a part is only on disk.
func (f *File) edgesSpilled(off, end int64) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return off%pageSize != 0 && f.spilledLocked(off) || end%pageSize != 0 && f.spilledLocked(end)
}

// spilledLocked says so of the page that off lies in.
func (f *File) spilledLocked(off int64) bool {
	index, page := pageAt(off)
	c := f.chunks.get(index)
	return c != nil && c.spilled().has(page)
}
