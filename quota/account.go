package quota

import "sync/atomic"

// unlimited is the count that an account without a limit starts with. In bytes it is
// below 2^62, so that sums of two stay in range.
const unlimited = 1 << 62 / PageSize

// An account is one counted resource of one domain.
//
// It holds what is free, not what is used: that makes a change of the limit and a
// reservation the same kind of step on the same word, so that neither needs a lock.
//
// INVARIANT: 0 <= free <= limit, at every instant.
type account struct {
	free  atomic.Int64 // limit minus use
	limit atomic.Int64 // changed under Domain.mu; never below free

	// Visits that can still undo what they took. They are counted twice, so that a third
	// party can tell that there was none at the time it read free: see take.
	begun atomic.Int64
	ended atomic.Int64
}

func (a *account) init(limit int64) {
	a.limit.Store(limit)
	a.free.Store(limit)
}

// begin announces a visit that may be undone; end follows once nothing will be.
func (a *account) begin() { a.begun.Add(1) }
func (a *account) end()   { a.ended.Add(1) }

// take takes n, or when partial is set what there is of it. visits is how many visits
// the caller itself has announced here (0 or 1). settled is false if there was too little
// only because, or perhaps because, of others' visits: nothing was taken, try again.
func (a *account) take(n int64, partial bool, visits int64) (got int64, settled bool) {
	for {
		// The order of the three loads matters. ended only grows and is never above
		// begun, so begun (read last) equal to ended (read first) means that both stood
		// still in between, and free had nothing provisional in it.
		ended := a.ended.Load()
		free := a.free.Load()
		begun := a.begun.Load()
		got = n
		if free < n {
			if begun-visits != ended {
				return 0, false
			}
			if !partial || free == 0 {
				return 0, true
			}
			got = free
		}
		if a.free.CompareAndSwap(free, free-got) {
			return got, true
		}
	}
}

// put gives n back. It reports false if there may have been less than n in use; only
// Domain.mu makes that certain, since the limit can change meanwhile.
func (a *account) put(n int64) bool {
	return a.free.Add(n) <= a.limit.Load()
}

// shrink and grow move the limit; the order of the two steps keeps the invariant. The
// caller holds Domain.mu and has taken delta for shrink.
func (a *account) shrink(delta int64) { a.limit.Add(-delta) }

func (a *account) grow(delta int64) {
	a.limit.Add(delta)
	a.free.Add(delta)
}

// clamp repairs free after an underflow and returns by how much it was too high. The
// caller holds Domain.mu.
func (a *account) clamp() int64 {
	for {
		free, limit := a.free.Load(), a.limit.Load()
		if free <= limit {
			return 0
		}
		if a.free.CompareAndSwap(free, limit) {
			return free - limit
		}
	}
}
