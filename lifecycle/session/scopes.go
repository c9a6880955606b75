package session

import (
	"vanishfs/fs"
	"vanishfs/quota"
)

// scopes are those of one session by user, or one with key 0 where users have no limit.
type scopes map[uint32]*fs.Scope

// scopeLocked is the user's part of s.
// Precondition: m.mu is held.
func (m *Manager) scopeLocked(s *session, uid uint32) *fs.Scope {
	key := m.users.key(uid)
	if scope := s.scopes[key]; scope != nil {
		return scope
	}
	scope := &fs.Scope{Name: s.name, Domain: m.users.domain(uid)}
	if m.counted {
		scope.Domain = quota.New(scope.Domain, s.name, quota.Limits{Bytes: m.size})
	}
	if s.scopes == nil {
		s.scopes = make(scopes)
	}
	s.scopes[key] = scope
	return scope
}
