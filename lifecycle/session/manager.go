package session

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"

	"golang.org/x/sys/unix"

	"vanishfs/fs"
	"vanishfs/quota"
)

// Options says what sessions and limits there are in a mount.
type Options struct {
	Kind   string        // mount, process, sid, cgroup
	Domain *quota.Domain // the mount's
	// UserSize and SessionSize are bytes, 0 is unlimited, and for good: see SetLimits.
	UserSize, SessionSize int64
	// Room gives one descriptor of this process back that is not needed, and says whether there was one; nil is never.
	Room   func() bool
	Logger *slog.Logger
}

// An Ender removes what a scope created; *fs.FS is one.
type Ender interface {
	EndScope(*fs.Scope)
}

// A Manager knows the sessions of one mount.
type Manager struct {
	// Constant after New.
	kind    kind // nil: there are no sessions inside the mount
	users   *users
	counted bool // each session has a domain of its own
	log     *slog.Logger
	room    func() bool

	short, untold seldom // why somebody was refused

	watcher *watcher // nil without kind

	mu       sync.RWMutex
	size     int64               // limit of a session, bytes; guarded by mu
	sessions map[uint64]*session // those that files can be created in, by id
	closed   bool
}

// New makes the manager of a mount without sessions yet. Its errors are those
// of a machine that cannot tell such sessions apart.
func New(o Options) (*Manager, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	m := &Manager{
		users: newUsers(o.Domain, o.UserSize), counted: o.SessionSize > 0, size: o.SessionSize, log: o.Logger, room: o.Room,
		sessions: make(map[uint64]*session),
	}
	var err error
	switch o.Kind {
	case "", "mount":
		return m, nil
	case "process":
		m.kind, err = newProcesses()
	case "sid":
		m.kind, err = newSIDs()
	case "cgroup":
		m.kind, err = newCgroups()
	default:
		err = fmt.Errorf("no such kind")
	}
	if err == nil {
		m.watcher, err = newWatcher()
	}
	if err != nil {
		return nil, fmt.Errorf("session %s: %w", o.Kind, err)
	}
	return m, nil
}

// ScopeOf is fs.Options.ScopeOf. nil is the mount's own scope, which has whoever
// is in a namespace that cannot be seen from here (pid 0). Who is in a session that
// cannot be told or watched gets an errno: what he creates would outlive his session and
// go past its limit.
//
// With a user id that is none (include/uapi/linux/fuse.h, FUSE_INVALID_UIDGID) nothing is created; where users have
// limits of their own it has the mount's scope.
func (m *Manager) ScopeOf(pid, uid uint32) (*fs.Scope, error) {
	if uid == math.MaxUint32 && m.users.apart {
		return nil, nil
	}
	if m.kind == nil || pid == 0 {
		return m.users.own(uid), nil
	}
	if id, ok := m.kind.identify(int(pid)); ok {
		if scope := m.known(id, uid); scope != nil {
			return scope, nil
		}
	}
	scope, err := m.learn(int(pid), uid)
	for isShortage(err) && m.room != nil && m.room() {
		scope, err = m.learn(int(pid), uid)
	}
	switch {
	case err == nil:
		return scope, nil
	case errors.Is(err, errOutside):
		return m.users.own(uid), nil
	case isShortage(err):
		m.short.log(m.log, "no session can be watched any more, and nobody who is in none yet can create files; "+
			"raise the limit of open files (ulimit -n) or of watches (sysctl fs.epoll.max_user_watches)", pid, err)
		return nil, unix.ENFILE
	}
	m.untold.log(m.log, "a process whose session cannot be told cannot create files", pid, err)
	return nil, unix.EACCES
}

// errOutside is a session that has no name in the namespaces of this process: it is the mount's own.
var errOutside = errors.New("it is outside of this namespace")

// isShortage says that err is one of descriptors, watches or memory.
func isShortage(err error) bool {
	for _, errno := range []error{unix.EMFILE, unix.ENFILE, unix.ENOSPC, unix.ENOMEM} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// known returns nil for a session that is new, or new to that user.
func (m *Manager) known(id uint64, uid uint32) *fs.Scope {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s := m.sessions[id]
	if s == nil || !s.life.same() {
		return nil
	}
	return s.scopes.of(m.users.key(uid))
}

// learn begins the session of the thread, or adds the user to it.
func (m *Manager) learn(tid int, uid uint32) (*fs.Scope, error) {
	s, err := m.kind.begin(tid)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.sessions[s.id]; old != nil && old.life.same() {
		s.life.close()
		s = old
	} else if err := m.addLocked(s); err != nil {
		s.life.close()
		return nil, err
	}
	return m.scopeLocked(s, uid), nil
}

// addLocked puts s in the place of a session of the same id, which the watcher is
// about to see the end of.
func (m *Manager) addLocked(s *session) error {
	if m.closed {
		return errors.New("unmounted")
	}
	if err := m.watcher.addLocked(s); err != nil {
		return err
	}
	m.sessions[s.id] = s
	return nil
}

// Close ends the watching; no scope ends any more. It may be called more than once.
func (m *Manager) Close() {
	m.mu.Lock()
	first := !m.closed
	m.closed = true
	m.mu.Unlock()
	if first && m.watcher != nil {
		m.watcher.close(m)
	}
}
