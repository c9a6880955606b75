package fs

import (
	"iter"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/cpu"
)

// table turns the node ids that the kernel sends into inodes, and numbers them.
//
// An id is a slot number with the slot's generation above it, so that a stale
// or invented id finds nothing instead of somebody else's inode: no id comes twice. Slots are kept
// in chunks that never move: get takes no lock.
//
// Slots are dealt out to shards: slot n is in shard n % tableShards. What is made
// in a directory goes to one shard, and for directories made one after the other
// these are different ones, so that requests in two directories share neither a
// lock nor a cache line that is written.
type table struct {
	inos   atomic.Uint64 // the last inode number given to a shard
	_      cpu.CacheLinePad
	shards [tableShards]tableShard
}

const (
	tableShards     = 16
	tableChunkSlots = 256
	slotBits        = 32
	idBits          = 60 // what is above is the magic path's
	lastGeneration  = 1<<(idBits-slotBits) - 1
	inoBatch        = 1024 // inode numbers that a shard gets at a time
)

type tableShard struct {
	chunks atomic.Pointer[[]*tableChunk] // changed with mu held

	mu      sync.Mutex
	free    uint32 // slot to use again, the first of a list; 0 is none; guarded by mu
	next    uint32 // first slot never used; guarded by mu
	ino     uint64 // the inode number given last; guarded by mu
	lastIno uint64 // of the batch; guarded by mu
	_       cpu.CacheLinePad
}

type tableChunk [tableChunkSlots]tableSlot

type tableSlot struct {
	node       atomic.Pointer[inode]
	generation atomic.Uint32
	free       uint32 // the next in the list of free slots; guarded by tableShard.mu
}

// newTable returns a table whose slot 1 is root, since the kernel's root id is
// 1 (FUSE_ROOT_ID). Slot 0 is never used, as node 0 is no node.
func newTable(root *inode) *table {
	t := new(table)
	for i := range t.shards {
		t.shards[i].chunks.Store(new([]*tableChunk))
		t.shards[i].next = uint32(i)
	}
	t.shards[0].next += tableShards
	t.addTo(&t.shards[1], root)
	return t
}

// slot returns nil for a slot that was never made.
func (t *table) slot(num uint32) *tableSlot {
	chunks := *t.shards[num%tableShards].chunks.Load()
	i := int(num / tableShards)
	if i/tableChunkSlots >= len(chunks) {
		return nil
	}
	return &chunks[i/tableChunkSlots][i%tableChunkSlots]
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

// add sets n.id and n.ino. n is made in the directory of that id.
func (t *table) add(n *inode, dir uint64) {
	// Directories of one parent have slots of one shard: the next bits tell them apart.
	t.addTo(&t.shards[uint32(dir)/tableShards%tableShards], n)
}

func (t *table) addTo(shard *tableShard, n *inode) {
	shard.mu.Lock()
	defer shard.mu.Unlock()
	num := t.takeSlotLocked(shard)
	s := t.slot(num)
	n.id = uint64(num) | uint64(s.generation.Load())<<slotBits
	n.ino = t.takeInoLocked(shard)
	s.node.Store(n)
}

// Precondition: shard.mu is held.
func (t *table) takeSlotLocked(shard *tableShard) uint32 {
	if num := shard.free; num != 0 {
		shard.free = t.slot(num).free
		return num
	}
	num := shard.next
	shard.next += tableShards
	if t.slot(num) == nil {
		// Who still reads the shorter slice does not look behind its end.
		grown := append(*shard.chunks.Load(), new(tableChunk))
		shard.chunks.Store(&grown)
	}
	return num
}

// Precondition: shard.mu is held.
func (t *table) takeInoLocked(shard *tableShard) uint64 {
	if shard.ino == shard.lastIno {
		shard.lastIno = t.inos.Add(inoBatch)
		shard.ino = shard.lastIno - inoBatch
	}
	shard.ino++
	return shard.ino
}

// remove frees the id of n.
func (t *table) remove(n *inode) {
	num := uint32(n.id)
	s, shard := t.slot(num), &t.shards[num%tableShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if s.node.Load() != n {
		return
	}
	s.node.Store(nil)
	if s.generation.Add(1) <= lastGeneration { // else it is not used any more
		s.free, shard.free = shard.free, num
	}
}

// all are the inodes that are in the table during the whole walk, and perhaps some that come or go meanwhile. No lock is held.
func (t *table) all() iter.Seq[*inode] {
	return func(yield func(*inode) bool) {
		for i := range t.shards {
			for _, c := range *t.shards[i].chunks.Load() {
				for j := range c {
					if n := c[j].node.Load(); n != nil && !yield(n) {
						return
					}
				}
			}
		}
	}
}
