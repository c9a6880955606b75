package session

import (
	"syscall"

	"vanishfs/quota"
)

// SetLimits changes what each user and each session may have, bytes, and the limits of the mount's domain with
// them. between is done when nothing of it can fail any more, unless it fails itself: it is all or nothing.
//
// EOPNOTSUPP is a limit where there was none at first: what users and sessions have has not been counted.
func (m *Manager) SetLimits(mount quota.Change, user, session int64, between func() error) error {
	if user > 0 && !m.users.apart || session > 0 && !m.counted {
		return syscall.EOPNOTSUPP
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users.mu.Lock()
	defer m.users.mu.Unlock()
	changes := append([]quota.Change{mount}, m.users.changesLocked(user)...)
	if m.counted {
		for _, s := range m.sessions {
			for _, scope := range s.scopes.all() {
				changes = append(changes, quota.Change{Domain: scope.Domain, Limits: quota.Limits{Bytes: session}})
			}
		}
	}
	pending, err := quota.Prepare(changes)
	if err != nil {
		return err
	}
	if err := between(); err != nil {
		pending.Cancel()
		return err
	}
	pending.Commit()
	m.size, m.users.size = session, user
	return nil
}

// changesLocked are those of the users who have something.
// Precondition: u.mu is held.
func (u *users) changesLocked(size int64) (changes []quota.Change) {
	if !u.apart {
		return nil
	}
	for _, p := range u.domains {
		if d := p.Value(); d != nil {
			changes = append(changes, quota.Change{Domain: d, Limits: quota.Limits{Bytes: size}})
		}
	}
	return changes
}
