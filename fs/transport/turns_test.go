package transport

import (
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// A tracked turn says when it goes on, and does so until it is let go.
type trackedTurn struct {
	turn
	began, letGo, ended chan struct{}
}

func newTrackedTurn(s *turns, user uint32) *trackedTurn {
	t := &trackedTurn{turn{user: user, bytes: 1}, make(chan struct{}), make(chan struct{}), make(chan struct{})}
	t.goOn = func() {
		close(t.began)
		<-t.letGo
		s.give(&t.turn)
		close(t.ended)
	}
	return t
}

func (t *trackedTurn) hasBegun() bool {
	select {
	case <-t.began:
		return true
	default:
		return false
	}
}

// TestTurnsShared: however many of one user's wait, another one's goes on next, and in between them both.
func TestTurnsShared(t *testing.T) {
	s := &turns{each: 2, all: 4, lines: make(map[uint32]*line)}
	var crowd []*trackedTurn
	for range 100 {
		c := newTrackedTurn(s, 1)
		if s.try(&c.turn) {
			go c.goOn()
		} else {
			s.wait(&c.turn)
		}
		crowd = append(crowd, c)
	}
	if n := s.waiting(); n != 98 {
		t.Errorf("%d wait, want 98", n)
	}
	other := newTrackedTurn(s, 2)
	if !s.try(&other.turn) {
		t.Error("another user's has to wait")
	}
	go other.goOn()
	<-other.began
	close(other.letGo)
	for _, c := range crowd { // the first come first
		<-c.began
		close(c.letGo)
	}
	for _, c := range crowd {
		<-c.ended
	}
	<-other.ended
	s.checkIdle(t)
}

func (s *turns) checkIdle(t interface{ Errorf(string, ...any) }) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.going != 0 || s.heads != 0 || s.bytes != 0 || len(s.lines) != 0 || len(s.next) != 0 {
		t.Errorf("left at the end: %d going, %d waiting, %d bytes, %d lines, %d next", s.going, s.heads, s.bytes, len(s.lines), len(s.next))
	}
}

// TestTurnsModel: in any order of what comes, ends and is not wanted any more, never more go on than may, none is
// forgotten, and while one waits as many go on as may.
func TestTurnsModel(t *testing.T) { rapid.Check(t, turnsModel) }

func turnsModel(t *rapid.T) {
	s := &turns{each: rapid.IntRange(1, 3).Draw(t, "each"), all: rapid.IntRange(3, 6).Draw(t, "all"), lines: make(map[uint32]*line)}
	var all []*trackedTurn
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		switch at := rapid.IntRange(0, 3).Draw(t, "step"); {
		case at < 2 || len(all) == 0:
			c := newTrackedTurn(s, uint32(rapid.IntRange(1, 4).Draw(t, "user")))
			if s.try(&c.turn) {
				go c.goOn()
				<-c.began
			} else {
				s.wait(&c.turn)
			}
			all = append(all, c)
		default:
			i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
			c := all[i]
			if at == 3 {
				s.hurry(&c.turn) // nothing to one that goes on
				if c.isFree() {
					<-c.began
				}
			}
			if c.isWaiting() {
				continue
			}
			<-c.began
			close(c.letGo)
			<-c.ended
			all = append(all[:i], all[i+1:]...)
		}
		s.check(t)
	}
	var rest sync.WaitGroup
	for _, c := range all {
		rest.Go(func() { <-c.began; close(c.letGo); <-c.ended })
	}
	rest.Wait()
	s.checkIdle(t)
}

func (t *trackedTurn) isFree() bool { return t.free }

func (t *trackedTurn) isWaiting() bool { return t.waiting && !t.hasBegun() }

// check compares what goes on and waits with what may.
func (s *turns) check(t *rapid.T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	going, heads := 0, 0
	for _, l := range s.lines {
		if going += l.going; l.going > s.each {
			t.Fatalf("%d of user %d go on", l.going, l.user)
		}
		for at := l.first; at != nil; at = at.next {
			heads++
		}
		if l.first != nil && l.going < s.each && s.going < s.all {
			t.Fatalf("one of user %d waits for nothing", l.user)
		}
	}
	if going != s.going || going > s.all || heads != s.heads {
		t.Fatalf("%d go on, counted %d; %d wait, counted %d", going, s.going, heads, s.heads)
	}
}
