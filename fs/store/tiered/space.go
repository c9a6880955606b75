package tiered

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A space is the spill file with its slots. One goroutine, the trimmer, gives freed slots back
// to the disk, and so does who finds that full.
type space struct {
	disk Disk         // immutable
	log  *slog.Logger // immutable

	mu      sync.Mutex
	slots   slots
	lost    int       // slots that the disk failed to write, not used again
	cutting bool      // the file is being cut: it must not grow
	cut     sync.Cond // signalled when it has been

	freed chan struct{} // of capacity 1: there is something to trim

	punching sync.Mutex   // held to punch; comes before mu
	given    atomic.Int64 // pages punched so far
	told     sync.Once    // that giving back failed
}

const (
	// trimDelay gathers what is freed at about the same time, and lets slots be used again without
	// a detour by the disk.
	trimDelay = 50 * time.Millisecond
	// cutGroups is how much must be free at the end of the file to cut it, unless all is.
	cutGroups = 64
	// lostMost bounds what broken writes can make unusable; past it they are tried again.
	lostMost = 64 * groupSlots
)

func newSpace(d Disk, log *slog.Logger) *space {
	s := &space{disk: d, log: log, freed: make(chan struct{}, 1)}
	s.cut.L = &s.mu
	return s
}

// take gives a run of at most want slots and at least least. Only the spill workers call it:
// it can wait for the trimmer.
func (s *space) take(want, least int) (start uint32, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.cutting {
		s.cut.Wait()
	}
	return s.slots.take(want, least)
}

// put frees slots. It never waits for the disk.
func (s *space) put(start uint32, n int) {
	s.mu.Lock()
	s.slots.put(start, n)
	s.mu.Unlock()
	select {
	case s.freed <- struct{}{}:
	default:
	}
}

// lose frees slots that could not be written: they are set aside, within limits.
func (s *space) lose(start uint32, n int) {
	s.mu.Lock()
	aside := s.lost+n <= lostMost
	if aside {
		s.lost += n
	}
	s.mu.Unlock()
	if !aside {
		s.put(start, n)
	}
}

// use is the number of slots taken, and of those that the file spans.
func (s *space) use() (taken, span int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slots.taken, len(s.slots.groups) * groupSlots
}

// trim is the trimmer. It ends with ctx.
func (s *space) trim(ctx context.Context) {
	delay := time.NewTimer(0)
	defer delay.Stop()
	for {
		select {
		case <-s.freed:
		case <-ctx.Done():
			return
		}
		delay.Reset(trimDelay)
		select {
		case <-delay.C:
		case <-ctx.Done():
			return
		}
		s.cutTail()
		s.reclaim(ctx)
	}
}

// reclaim gives the space of free slots back, run by run, while they count as taken. It waits for who is at it.
func (s *space) reclaim(ctx context.Context) {
	s.punching.Lock()
	defer s.punching.Unlock()
	for ctx.Err() == nil {
		s.mu.Lock()
		start, n := s.slots.takeStale()
		s.mu.Unlock()
		if n == 0 {
			return
		}
		err := s.disk.Punch(int64(start)*pageSize, int64(n)*pageSize)
		s.mu.Lock()
		s.slots.putClean(start, n)
		s.mu.Unlock()
		if err != nil {
			s.complain("tiered store: disk space cannot be given back before the end", err)
			return
		}
		s.given.Add(int64(n))
	}
}

// complain says the first time that giving back failed: a filesystem that cannot punch holes never can.
func (s *space) complain(what string, err error) {
	s.told.Do(func() { s.log.Warn(what, "err", err) })
}

// cutTail shortens the file where nothing at its end is in use any more.
func (s *space) cutTail() {
	s.mu.Lock()
	n := s.slots.tail()
	if n == 0 || n < cutGroups && n < len(s.slots.groups) {
		s.mu.Unlock()
		return
	}
	s.slots.cut(n)
	end := int64(len(s.slots.groups)) * groupSlots * pageSize
	s.cutting = true
	s.mu.Unlock()

	err := s.disk.Truncate(end)

	s.mu.Lock()
	s.cutting = false
	s.cut.Broadcast()
	s.mu.Unlock()
	if err != nil {
		s.complain("tiered store: the spill file cannot be cut", err)
	}
}
