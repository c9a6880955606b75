package fs

import (
	"sync"
	"sync/atomic"
)

// table turns the node ids that the kernel sends into inodes.
//
// An id is a slot number with the slot's generation above it, so that a stale
// or invented id finds nothing instead of somebody else's inode. Slots are kept
// in chunks that never move: get takes no lock.
type table struct {
	chunks atomic.Pointer[[]*tableChunk]

	mu   sync.Mutex
	free []uint32 // slots to use again; guarded by mu
	next uint32   // first slot never used; guarded by mu
}

const (
	tableChunkSlots = 1024
	slotBits        = 32
)

type tableChunk [tableChunkSlots]tableSlot

type tableSlot struct {
	node       atomic.Pointer[inode]
	generation atomic.Uint32
}

// newTable returns a table whose slot 1 is root, since the kernel's root id is
// 1 (FUSE_ROOT_ID).
func newTable(root *inode) *table {
	t := &table{next: 1}
	t.chunks.Store(&[]*tableChunk{})
	t.add(root)
	return t
}

// slot returns nil for a slot that was never made.
func (t *table) slot(n uint32) *tableSlot {
	chunks := *t.chunks.Load()
	if int(n/tableChunkSlots) >= len(chunks) {
		return nil
	}
	return &chunks[n/tableChunkSlots][n%tableChunkSlots]
}

// get returns nil for an id that is not in use.
func (t *table) get(id uint64) *inode {
	s := t.slot(uint32(id))
	if s == nil {
		return nil
	}
	n := s.node.Load()
	if n == nil || n.id != id {
		return nil
	}
	return n
}

// add sets n.id.
func (t *table) add(n *inode) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var num uint32
	if last := len(t.free) - 1; last >= 0 {
		num = t.free[last]
		t.free = t.free[:last]
	} else {
		num = t.next
		t.next++
		if chunks := *t.chunks.Load(); int(num/tableChunkSlots) >= len(chunks) {
			grown := append(append(make([]*tableChunk, 0, len(chunks)+1), chunks...), new(tableChunk))
			t.chunks.Store(&grown)
		}
	}
	s := t.slot(num)
	n.id = uint64(num) | uint64(s.generation.Load())<<slotBits
	s.node.Store(n)
}

// remove frees the id of n.
func (t *table) remove(n *inode) {
	num := uint32(n.id)
	s := t.slot(num)
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.node.Load() != n {
		return
	}
	s.node.Store(nil)
	s.generation.Add(1)
	t.free = append(t.free, num)
}

// each calls f for every inode that is in the table during the whole call, and
// perhaps for some that come or go meanwhile.
func (t *table) each(f func(*inode)) {
	for _, c := range *t.chunks.Load() {
		for i := range c {
			if n := c[i].node.Load(); n != nil {
				f(n)
			}
		}
	}
}
