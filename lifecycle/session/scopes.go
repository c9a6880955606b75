package session

import (
	"iter"
	"sync"
	"weak"

	"vanishfs/fs"
	"vanishfs/quota"
)

// scopes are those of one session by user, or one with key 0 where users have no limit. That of the first user is
// kept as long as the session, and another's as long as something refers to it, as each file of his does: one
// process may be any number of users, one after the other.
type scopes struct {
	first     *fs.Scope
	firstUser uint32
	others    map[uint32]weak.Pointer[fs.Scope]
}

// of is the scope of a user, nil if there is none.
func (s *scopes) of(user uint32) *fs.Scope {
	if s.first != nil && s.firstUser == user {
		return s.first
	}
	return s.others[user].Value()
}

// all is every scope that there is.
func (s *scopes) all() (all []*fs.Scope) {
	if s.first != nil {
		all = append(all, s.first)
	}
	for _, p := range s.others {
		if scope := p.Value(); scope != nil {
			all = append(all, scope)
		}
	}
	return all
}

// add makes scope that of a user who has none. The caller holds mu, which guards s.
func (s *scopes) add(user uint32, scope *fs.Scope, mu *sync.RWMutex) {
	if s.first == nil {
		s.first, s.firstUser = scope, user
		return
	}
	if s.others == nil {
		s.others = make(map[uint32]weak.Pointer[fs.Scope])
	}
	s.others[user] = keep(scope, mu, s.others, user)
}

// scopeLocked is the user's part of s.
// Precondition: m.mu is held.
func (m *Manager) scopeLocked(s *session, uid uint32) *fs.Scope {
	key := m.users.key(uid)
	if scope := s.scopes.of(key); scope != nil {
		return scope
	}
	scope := &fs.Scope{Name: s.name, Domain: m.users.domain(uid)}
	if m.counted {
		scope.Domain = quota.New(scope.Domain, s.name, quota.Limits{Bytes: m.size})
	}
	s.scopes.add(key, scope, &m.mu)
	return scope
}

// A Session is what is to be seen of one.
type Session struct {
	Name  string // as status shows it, for instance "sid:4711"
	Files int    // of any type, also those that only an open handle keeps

	// Bytes is the limit and BytesUsed what is in use; 0 where sessions have no limit, and are not counted.
	Bytes, BytesUsed int64
}

// Sessions are those in which files can be created, in no order, as each is when it comes by. Nobody waits for the whole of it.
func (m *Manager) Sessions() iter.Seq[Session] {
	return func(yield func(Session) bool) {
		m.mu.RLock()
		all := make([]*session, 0, len(m.sessions))
		for _, s := range m.sessions {
			all = append(all, s)
		}
		m.mu.RUnlock()
		for _, s := range all {
			if !yield(m.describe(s)) {
				return
			}
		}
	}
}

func (m *Manager) describe(s *session) Session {
	m.mu.RLock()
	limit, scopes := m.size, s.scopes.all()
	m.mu.RUnlock()
	seen := Session{Name: s.name}
	for _, scope := range scopes {
		seen.Files += scope.Files()
		if m.counted {
			seen.Bytes = limit
			seen.BytesUsed += scope.Domain.Usage().BytesUsed
		}
	}
	return seen
}

// End ends what the session of that name has created until now, with e, and reports whether there is one. Its processes live
// on, and what they create from now on goes when they have ended.
func (m *Manager) End(name string, e Ender) bool {
	found := false
	var ended []*fs.Scope
	m.mu.Lock()
	for _, s := range m.sessions {
		if s.name == name {
			found, ended = true, append(ended, s.scopes.all()...)
			s.scopes = scopes{} // the next to create gets another, see learn
		}
	}
	m.mu.Unlock()
	for _, scope := range ended {
		e.EndScope(scope)
	}
	return found
}
