package tiered

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A pool hands out the arena's frames. All it hands out are zero.
type pool struct {
	arena arena  // immutable
	marks marks  // immutable
	short func() // called, under mu, when fewer frames than marks.high are left; immutable

	index atomic.Int64 // bytes that the index of what is spilled takes, on the heap

	ample chan struct{} // of capacity 1: more than marks.keep are warm

	mu       sync.Mutex
	warm     frameSet // free, zeroed, still with the kernel's page behind it
	cold     frameSet // free, given back to the kernel
	cooling  int      // frames on the way from warm to cold; they count as free
	least    int      // the fewest warm frames since the cooler looked last
	changed  chan struct{}
	waiters  int    // goroutines that want changed to be closed at the next change
	attempts uint64 // batches of the spill workers so far
	active   int    // of these, still under way
	refused  uint64 // the last one that could not make room, since one that could
	failed   uint64 // the last one that could not when no other was under way
	failure  error  // why
}

// marks are numbers of frames.
type marks struct {
	total   int
	floor   int // the index never takes the budget below this
	high    int // fewer available: spilling begins
	low     int // fewer available: writers are slowed down, nothing is brought back
	reserve int // the last ones, for small files
	spare   int // the very last ones, for what gives memory back
	warm    int // free frames to keep zeroed rather than give back, at most
	keep    int // of these, how many even if nobody uses them
}

const (
	floorFrames = 4 << 20 / pageSize
	lowMost     = 16 << 20 / pageSize
	warmMost    = 256 << 20 / pageSize
	keepMost    = 16 << 20 / pageSize
)

func newMarks(memory int64) marks {
	total := max(int(memory/pageSize), floorFrames)
	low := min(total/8, lowMost)
	high := low + low/2
	return marks{
		total: total, floor: max(floorFrames, 2*high), // the index alone must never make memory short
		high: high, low: low, reserve: low / 4, spare: low / 8,
		warm: min(total/4, warmMost), keep: min(total/4, keepMost),
	}
}

func newPool(a arena, m marks, short func()) *pool {
	p := &pool{arena: a, marks: m, short: short, warm: newFrameSet(m.total), cold: newFrameSet(m.total), changed: make(chan struct{}), ample: make(chan struct{}, 1)}
	p.cold.fill(m.total)
	return p
}

// availableLocked is what is free less what the index takes; it can be below zero.
func (p *pool) availableLocked() int {
	return p.warm.len + p.cold.len + p.cooling - min(int(p.index.Load()/pageSize), p.marks.total-p.marks.floor)
}

func (p *pool) available() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.availableLocked()
}

// isShort says whether spilling is due.
func (p *pool) isShort() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.availableLocked() < p.marks.high
}

// used is the number of frames handed out.
func (p *pool) used() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.marks.total - p.warm.len - p.cold.len - p.cooling
}

// take fills dst and returns true if that leaves at least mark frames available.
func (p *pool) take(dst []frame, mark int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.takeLocked(dst, mark)
}

func (p *pool) takeLocked(dst []frame, mark int) bool {
	if len(dst) > p.warm.len+p.cold.len || p.availableLocked()-len(dst) < mark {
		return false
	}
	n := p.warm.take(dst)
	p.least = min(p.least, p.warm.len)
	p.cold.take(dst[n:])
	if p.availableLocked() < p.marks.high {
		p.short()
	}
	return true
}

// giveMost is how many frames are given back at a time, so that what was freed first can be used while
// the rest of a large file is wiped.
const giveMost = 2 << 20 / pageSize

// give takes frames back, wiped.
func (p *pool) give(frames []frame) {
	for part := range slices.Chunk(frames, giveMost) {
		p.giveSome(part)
	}
}

func (p *pool) giveSome(frames []frame) {
	p.mu.Lock()
	keep := min(max(p.marks.warm-p.warm.len, 0), len(frames))
	p.mu.Unlock()
	p.arena.wipe(frames[:keep])
	p.arena.drop(frames[keep:])

	p.mu.Lock()
	defer p.mu.Unlock()
	p.warm.addAll(frames[:keep])
	p.cold.addAll(frames[keep:])
	if p.warm.len > p.marks.keep {
		select {
		case p.ample <- struct{}{}:
		default:
		}
	}
	p.announceLocked()
}

// announceLocked wakes everybody who waits for a change.
func (p *pool) announceLocked() {
	if p.waiters > 0 {
		close(p.changed)
		p.changed, p.waiters = make(chan struct{}), 0
	}
}

// begin numbers a batch of a spill worker.
func (p *pool) begin() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attempts++
	p.active++
	return p.attempts
}

// end says what became of a batch: it made room, or could not because of why. Those who wait for room
// are only told of a failure when no other batch can make room any more.
func (p *pool) end(attempt uint64, madeRoom bool, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
	switch {
	case madeRoom:
		p.refused = 0
	case why != nil:
		p.refused, p.failure = max(p.refused, attempt), why
	}
	if p.active == 0 && p.refused > p.failed {
		p.failed = p.refused
		p.announceLocked()
	}
}
