package tiered

import "math/bits"

// groupSlots is the number of slots (pages) of the spill file that are searched as one, and the
// most that one take gives.
const groupSlots = 256

// slots says which slots of the spill file are taken. Slots are taken from the front, so that the
// file can be cut at its end; in runs, so that what is spilled together lies together.
type slots struct {
	groups []group
	taken  int // slots
	stale  int // slots that are free but still have disk space
	first  int // no group before this one has a free slot
	swept  int // where the search for stale slots goes on, a group
}

type group struct {
	taken   [groupSlots / 64]uint64
	stale   [groupSlots / 64]uint64 // free since it was last taken, not given back to the disk
	longest uint16                  // the longest run of free slots
}

func (s *slots) free() int { return len(s.groups)*groupSlots - s.taken }

// take gives a run of at most want slots, 0 < want <= groupSlots. It is shorter than want if
// that saves growing a file of which much is free, but not shorter than least.
func (s *slots) take(want, least int) (start uint32, n int) {
	best := -1
	for i := s.first; i < len(s.groups); i++ {
		l := int(s.groups[i].longest)
		if l == 0 && i == s.first {
			s.first++
		}
		if l >= want {
			return s.takeIn(i, want)
		}
		if best < 0 || l > int(s.groups[best].longest) {
			best = i
		}
	}
	if best >= 0 && int(s.groups[best].longest) >= least && s.free() > len(s.groups)*groupSlots/4 {
		return s.takeIn(best, int(s.groups[best].longest))
	}
	s.groups = append(s.groups, group{longest: groupSlots})
	return s.takeIn(len(s.groups)-1, want)
}

// takeIn takes the first run of n free slots in group i.
func (s *slots) takeIn(i, n int) (uint32, int) {
	at := s.groups[i].find(n)
	s.takeAt(i, at, n)
	return uint32(i*groupSlots + at), n
}

func (s *slots) takeAt(i, at, n int) {
	g := &s.groups[i]
	g.mark(at, n, true)
	s.taken += n
	s.stale -= g.unstale(at, n)
}

// put frees n slots from start on; they may span groups.
func (s *slots) put(start uint32, n int) {
	s.taken -= n
	s.stale += n
	s.each(start, n, func(i, at, n int) {
		g := &s.groups[i]
		for b := range n {
			g.stale[(at+b)/64] |= 1 << ((at + b) % 64)
		}
		g.mark(at, n, false)
		s.first = min(s.first, i)
	})
}

// each splits a run where groups end.
func (s *slots) each(start uint32, n int, f func(i, at, n int)) {
	for n > 0 {
		i, at := int(start/groupSlots), int(start%groupSlots)
		part := min(n, groupSlots-at)
		f(i, at, part)
		start += uint32(part)
		n -= part
	}
}

// trimGroups is the most that takeStale takes, groups.
const trimGroups = 64

// takeStale takes the next run of stale slots, to be given back to the disk and then freed
// with putClean; n is 0 if there are none. A run goes on over free slots that are not stale.
func (s *slots) takeStale() (start uint32, n int) {
	if s.stale == 0 {
		return 0, 0
	}
	for s.swept %= len(s.groups); !s.groups[s.swept].hasStale(); s.swept = (s.swept + 1) % len(s.groups) {
	}
	at := s.groups[s.swept].firstStale()
	start = uint32(s.swept*groupSlots + at)
	for i := s.swept; i < min(s.swept+trimGroups, len(s.groups)); i++ {
		part := s.groups[i].freeFrom(at)
		if part > 0 {
			s.takeAt(i, at, part)
		}
		n += part
		if at+part < groupSlots {
			break
		}
		at = 0
	}
	return start, n
}

// putClean frees slots that have no disk space.
func (s *slots) putClean(start uint32, n int) {
	s.taken -= n
	s.each(start, n, func(i, at, n int) {
		s.groups[i].mark(at, n, false)
		s.first = min(s.first, i)
	})
}

// tail is the number of groups at the end that are free.
func (s *slots) tail() (n int) {
	for n < len(s.groups) && s.groups[len(s.groups)-1-n].longest == groupSlots {
		n++
	}
	return n
}

// cut forgets n groups at the end, all free.
func (s *slots) cut(n int) {
	for range n {
		last := len(s.groups) - 1
		s.stale -= s.groups[last].unstale(0, groupSlots)
		s.groups = s.groups[:last]
	}
	s.first = min(s.first, len(s.groups))
}

// mark sets or clears n bits and finds the longest free run anew.
func (g *group) mark(at, n int, taken bool) {
	for b := at; b < at+n; b++ {
		if taken {
			g.taken[b/64] |= 1 << (b % 64)
		} else {
			g.taken[b/64] &^= 1 << (b % 64)
		}
	}
	longest := 0
	g.runs(func(_, n int) bool {
		longest = max(longest, n)
		return true
	})
	g.longest = uint16(longest)
}

// unstale clears n stale bits and returns how many were set.
func (g *group) unstale(at, n int) (was int) {
	for b := at; b < at+n; b++ {
		was += int(g.stale[b/64] >> (b % 64) & 1)
		g.stale[b/64] &^= 1 << (b % 64)
	}
	return was
}

func (g *group) hasStale() bool { return g.stale != [groupSlots / 64]uint64{} }

// firstStale is the first stale slot; there is one.
func (g *group) firstStale() int {
	at := 0
	for g.stale[at/64] == 0 {
		at += 64
	}
	return at + bits.TrailingZeros64(g.stale[at/64])
}

// freeFrom is how many slots from at on are free.
func (g *group) freeFrom(at int) (n int) {
	for at+n < groupSlots && g.taken[(at+n)/64]>>((at+n)%64)&1 == 0 {
		n++
	}
	return n
}

// find is the start of the first run of n free slots; there is one.
func (g *group) find(n int) (at int) {
	g.runs(func(start, run int) bool {
		at = start
		return run < n
	})
	return at
}

// runs calls f with each run of free slots, until it returns false.
func (g *group) runs(f func(at, n int) bool) {
	start := -1
	for at := 0; at <= groupSlots; {
		if at%64 == 0 && at < groupSlots && g.taken[at/64] == ^uint64(0) && start < 0 {
			at += 64
			continue
		}
		free := at < groupSlots && g.taken[at/64]>>(at%64)&1 == 0
		switch {
		case free && start < 0:
			start = at
		case !free && start >= 0:
			if !f(start, at-start) {
				return
			}
			start = -1
		}
		if free && at%64 == 0 && g.taken[at/64] == 0 {
			at += 64
			continue
		}
		at++
	}
}
