package fs

import (
	"sync"
	"time"
)

// An expiry ends what was added to it, some time later, what is due first first. It has one timer, which
// sleeps where there is nothing, and one goroutine at a time for what is due.
type expiry[T any] struct {
	end func(*lapse[T]) // called without locks, one at a time; constant

	ending sync.Mutex // held by the timer's goroutine; comes before mu

	mu          sync.Mutex
	first, last *lapse[T]   // by due; guarded by mu
	timer       *time.Timer // set while there is a first; guarded by mu
	closed      bool        // guarded by mu
}

// A lapse is one thing that an expiry has. Guarded by expiry.mu.
type lapse[T any] struct {
	value      T
	due        time.Time
	prev, next *lapse[T]
	over       bool // it is not in the list any more
}

// add ends value after that time. It is quick where that is mostly the same: the place is looked for from the end.
func (e *expiry[T]) add(value T, life time.Duration) *lapse[T] {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := &lapse[T]{value: value, due: time.Now().Add(life)}
	if e.closed {
		l.over = true
		return l
	}
	before := e.last
	for before != nil && before.due.After(l.due) {
		before = before.prev
	}
	l.prev = before
	if before != nil {
		l.next, before.next = before.next, l
	} else {
		l.next, e.first = e.first, l
		if e.timer == nil {
			e.timer = time.AfterFunc(life, e.expire)
		} else {
			e.timer.Reset(life)
		}
	}
	if l.next != nil {
		l.next.prev = l
	} else {
		e.last = l
	}
	return l
}

// cancel reports whether l was not due yet; then it never will be.
func (e *expiry[T]) cancel(l *lapse[T]) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.removeLocked(l)
}

// Precondition: mu is held.
func (e *expiry[T]) removeLocked(l *lapse[T]) bool {
	if l.over {
		return false
	}
	l.over = true
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		e.first = l.next
	}
	if l.next != nil {
		l.next.prev = l.prev
	} else {
		e.last = l.prev
	}
	if e.first == nil {
		e.timer.Stop()
		e.timer = nil
	}
	return true
}

// expire is the timer's function. A timer that was stopped too late finds nothing due.
func (e *expiry[T]) expire() {
	e.ending.Lock()
	defer e.ending.Unlock()
	for l := e.nextDue(); l != nil; l = e.nextDue() {
		e.end(l)
	}
}

// nextDue takes out the first that is due. If none is, it sets the timer for the next.
func (e *expiry[T]) nextDue() *lapse[T] {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.first
	if l == nil {
		return nil
	}
	if wait := time.Until(l.due); wait > 0 {
		e.timer.Reset(wait)
		return nil
	}
	e.removeLocked(l)
	return l
}

// close forgets everything, and returns when nothing is being ended any more.
func (e *expiry[T]) close() {
	e.mu.Lock()
	e.closed = true
	for e.first != nil {
		e.removeLocked(e.first)
	}
	e.mu.Unlock()
	e.ending.Lock()
	defer e.ending.Unlock()
}
