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
//
// A chunk is one shard's: what comes and goes in different directories has other
// locks and, as much, other cache lines.
type table struct {
	chunks atomic.Pointer[[]tableChunk]
	growth sync.Mutex // held to add a chunk; comes after tableShard.mu

	_      [cacheLine]byte // every get reads chunks, and every add and remove writes a shard
	shards [tableShards]tableShard
}

type tableShard struct {
	mu        sync.Mutex
	free      []uint32 // slots to use again; guarded by mu
	next, end uint32   // slots of the last chunk that were never used; guarded by mu

	_ [cacheLine]byte
}

const (
	tableShards     = 16
	tableChunkSlots = 1024
	slotBits        = 32
	cacheLine       = 64 // bytes
)

// A tableChunk is constant but for what its slots hold.
type tableChunk struct {
	slots *[tableChunkSlots]tableSlot
	shard *tableShard
}

type tableSlot struct {
	node       atomic.Pointer[inode]
	generation atomic.Uint32
}

// newTable returns a table whose slot 1 is root, since the kernel's root id is
// 1 (FUSE_ROOT_ID).
func newTable(root *inode) *table {
	t := new(table)
	t.chunks.Store(new([]tableChunk))
	first := &t.shards[0]
	first.next, first.end = t.grow(first)
	first.next++ // slot 0 is nobody's
	t.add(root, 0)
	return t
}

// chunk returns nil for a slot that was never made.
func (t *table) chunk(slot uint32) *tableChunk {
	chunks := *t.chunks.Load()
	if int(slot/tableChunkSlots) >= len(chunks) {
		return nil
	}
	return &chunks[slot/tableChunkSlots]
}

// get returns nil for an id that is not in use.
func (t *table) get(id uint64) *inode {
	c := t.chunk(uint32(id))
	if c == nil {
		return nil
	}
	n := c.slots[uint32(id)%tableChunkSlots].node.Load()
	if n == nil || n.id != id {
		return nil
	}
	return n
}

// add sets n.id. Inodes with the same near, the id of their directory, share a shard.
func (t *table) add(n *inode, near uint64) {
	shard := &t.shards[near%tableShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	var num uint32
	if last := len(shard.free) - 1; last >= 0 {
		num = shard.free[last]
		shard.free = shard.free[:last]
	} else {
		if shard.next == shard.end {
			shard.next, shard.end = t.grow(shard)
		}
		num = shard.next
		shard.next++
	}
	s := &t.chunk(num).slots[num%tableChunkSlots]
	n.id = uint64(num) | uint64(s.generation.Load())<<slotBits
	s.node.Store(n)
}

// grow makes a chunk for shard and returns the numbers of its slots.
func (t *table) grow(shard *tableShard) (next, end uint32) {
	t.growth.Lock()
	defer t.growth.Unlock()
	chunks := *t.chunks.Load()
	next = uint32(len(chunks)) * tableChunkSlots
	grown := append(chunks[:len(chunks):len(chunks)], tableChunk{new([tableChunkSlots]tableSlot), shard})
	t.chunks.Store(&grown)
	return next, next + tableChunkSlots
}

// remove frees the id of n.
func (t *table) remove(n *inode) {
	num := uint32(n.id)
	c := t.chunk(num)
	s := &c.slots[num%tableChunkSlots]
	c.shard.mu.Lock()
	defer c.shard.mu.Unlock()
	if s.node.Load() != n {
		return
	}
	s.node.Store(nil)
	s.generation.Add(1)
	c.shard.free = append(c.shard.free, num)
}

// each calls f for every inode that is in the table during the whole call, and
// perhaps for some that come or go meanwhile.
func (t *table) each(f func(*inode)) {
	for _, c := range *t.chunks.Load() {
		for i := range c.slots {
			if n := c.slots[i].node.Load(); n != nil {
				f(n)
			}
		}
	}
}
