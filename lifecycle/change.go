package lifecycle

import (
	"errors"
	"fmt"
	"syscall"

	"vanishfs/fs"
	"vanishfs/lifecycle/option"
	"vanishfs/quota"
)

// Options are those that the mount has, by name.
func (m *Mount) Options() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.config.Options()
}

// Change makes options hold, "NAME=VALUE,...": all of them, or with an error none. It is EBUSY where a limit
// would be below what is in use, and EOPNOTSUPP where one cannot be switched on, since what it counts was not
// counted before or goes past the daemon. Everything that is not Live in the table of options is EINVAL.
//
// Options and Change are fs.Control.
func (m *Mount) Change(list string) error {
	changes, err := option.ParseChanges(list)
	if err != nil {
		return fmt.Errorf("%w: %w", syscall.EINVAL, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	next := m.config
	if err := next.Apply(changes); err != nil {
		return fmt.Errorf("%w: %w", syscall.EINVAL, err)
	}
	if err := m.changeLimitsLocked(&next); err != nil {
		return err
	}
	m.tree.SetLive(next.live())
	m.config = next
	return nil
}

// changeLimitsLocked sets the limits of next, or nothing. The store comes when no other limit can refuse.
// Precondition: m.mu is held.
func (m *Mount) changeLimitsLocked(next *Config) error {
	if next.FileSize > 0 && m.tree.Direct() {
		return syscall.EOPNOTSUPP
	}
	err := m.sessions.SetLimits(quota.Change{Domain: m.domain, Limits: next.limits()}, next.UserSize, next.SessionSize, func() error {
		if next.Size == m.config.Size {
			return nil
		}
		return m.bytes.Resize(next.Size)
	})
	if errors.Is(err, syscall.EINVAL) { // as a tmpfs says (mm/shmem.c, shmem_reconfigure)
		return syscall.EBUSY
	}
	return err
}

// live are the options of the tree that can change.
func (c *Config) live() fs.Live {
	removal, _ := fs.ParseRemoval(c.Remove)
	return fs.Live{FileSize: c.FileSize, Remove: removal, Linger: c.Linger, MaxIdle: c.MaxIdle}
}
