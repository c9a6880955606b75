package session

import (
	"log/slog"
	"sync"
	"time"
)

// seldomTime is between two lines that say the same.
const seldomTime = 10 * time.Second

// seldom says a thing in the log that may happen at any rate.
type seldom struct {
	mu     sync.Mutex
	next   time.Time // guarded by mu
	unsaid int       // times since the last line; guarded by mu
}

func (s *seldom) log(l *slog.Logger, text string, tid uint32, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.next) {
		s.unsaid++
		return
	}
	l.Warn(text, "thread", tid, "why", why, "unsaid", s.unsaid)
	s.next, s.unsaid = now.Add(seldomTime), 0
}
