package transport

import (
	"math"
	"runtime"
	"sync"
)

// turns share out what takes long: so many of one user's requests go on at a time, and so many of all. The rest of
// them wait in lines, one for each user, from which the next is taken in turn: what one user asks for makes another
// one wait for as much as goes on already, however much stands in his own line.
//
// A request that waits holds nothing that another one wants, but what the kernel has locked for it. So what comes
// with the lock of a directory (CREATE, UNLINK, RENAME…) must not wait here.
type turns struct {
	each, all int // immutable: how many go on at a time, of one user and of all

	mu    sync.Mutex
	going int              // guarded by mu; of all
	lines map[uint32]*line // guarded by mu: of users of whom some go on or wait
	next  []*line          // guarded by mu: from which one may go on as soon as there is room, the first one first
	heads int              // guarded by mu: requests that wait
	bytes int              // guarded by mu: data that came with them
}

const (
	// mostWaiting requests, or mostWaitingBytes of data that came with them, are enough to wait: a transport
	// that has them takes no memory for more, so that the kernel keeps the rest, of all users.
	mostWaiting      = 4096
	mostWaitingBytes = 64 << 20
)

// A line is the requests of one user. All fields are guarded by turns.mu.
type line struct {
	user        uint32
	going       int
	first, last *turn
	listed      bool // in turns.next
}

// A turn is a request's place in a line. Its other fields are guarded by turns.mu, and are the
// request's own while it does not wait.
type turn struct {
	goOn    func()      // answers the request and ends with give; immutable
	gone    func() bool // says that it may end before it has begun, as nobody wants it any more; immutable; nil is no
	user    uint32
	bytes   int
	waiting bool
	free    bool // goes on without being counted
	next    *turn
}

// nobody is the user of what the kernel asks for by itself: RELEASE, writeback (fs/fuse/dev.c, fuse_force_creds).
const nobody = math.MaxUint32

// newTurns makes turns for work: more of it at a time than there are CPUs gets nothing done earlier.
func newTurns() *turns {
	each := min(runtime.NumCPU(), 16)
	return &turns{each: each, all: 2 * each, lines: make(map[uint32]*line)}
}

// newDiskTurns makes turns for what mostly waits for a disk, which does many things at a time.
func newDiskTurns() *turns { return &turns{each: 32, all: 48, lines: make(map[uint32]*line)} }

// try says whether the request may go on at once, which ends with give.
func (s *turns) try(t *turn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lineLocked(t.user)
	if l.going >= s.each || s.going >= s.all || l.first != nil {
		s.dropLocked(l)
		return false
	}
	s.startLocked(l)
	return true
}

// wait has the request go on in a goroutine of its own when it is its turn.
func (s *turns) wait(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.gone != nil && t.gone() { // hurry came too early
		t.free = true
		go t.goOn()
		return
	}
	l := s.lineLocked(t.user)
	s.heads, s.bytes = s.heads+1, s.bytes+t.bytes
	t.waiting, t.next = true, nil
	if l.first == nil {
		l.first = t
	} else {
		l.last.next = t
	}
	l.last = t
	s.listLocked(l)
	s.proceedLocked()
}

// crowded says whether as many wait as should.
func (s *turns) crowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heads >= mostWaiting || s.bytes >= mostWaitingBytes
}

// give is the end of a request that went on, and lets the next ones.
func (s *turns) give(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.free {
		t.free = false
		return
	}
	l := s.lines[t.user]
	l.going--
	s.going--
	s.listLocked(l)
	s.proceedLocked()
	s.dropLocked(l)
}

// hurry lets a request go on that waits and is not wanted any more: it ends at once.
func (s *turns) hurry(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.waiting {
		return
	}
	l := s.lines[t.user]
	var before *turn
	for at := l.first; at != t; at = at.next {
		before = at
	}
	if before == nil {
		l.first = t.next
	} else {
		before.next = t.next
	}
	if l.last == t {
		l.last = before
	}
	s.heads, s.bytes = s.heads-1, s.bytes-t.bytes
	t.waiting, t.free = false, true
	s.dropLocked(l)
	go t.goOn()
}

func (s *turns) lineLocked(user uint32) *line {
	l := s.lines[user]
	if l == nil {
		l = &line{user: user}
		s.lines[user] = l
	}
	return l
}

// dropLocked forgets a line that is not in use.
func (s *turns) dropLocked(l *line) {
	if l.going == 0 && l.first == nil && !l.listed {
		delete(s.lines, l.user)
	}
}

// listLocked puts a line last in next, if one of it may go on.
func (s *turns) listLocked(l *line) {
	if l.first != nil && l.going < s.each && !l.listed {
		l.listed = true
		s.next = append(s.next, l)
	}
}

// proceedLocked starts what there is room for.
func (s *turns) proceedLocked() {
	for s.going < s.all && len(s.next) > 0 {
		l := s.next[0]
		s.next[0] = nil
		s.next = s.next[1:]
		l.listed = false
		t := l.first
		if t == nil || l.going >= s.each { // one was in a hurry, and perhaps another one went on in its place
			s.dropLocked(l)
			continue
		}
		l.first = t.next
		if l.first == nil {
			l.last = nil
		}
		s.heads, s.bytes = s.heads-1, s.bytes-t.bytes
		t.waiting, t.next = false, nil
		s.startLocked(l)
		s.listLocked(l)
		go t.goOn()
	}
}

func (s *turns) startLocked(l *line) {
	l.going++
	s.going++
}
