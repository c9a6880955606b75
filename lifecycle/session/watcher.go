package session

import (
	"os"

	"golang.org/x/sys/unix"

	"vanishfs/fs"
)

// A watcher is one goroutine that waits for the ends of all sessions.
type watcher struct {
	// Constant.
	epoll, wake int // descriptors; wake is an eventfd that ends the goroutine
	done        chan struct{}

	started  bool               // guarded by Manager.mu
	sessions map[int32]*session // by descriptor, with those replaced by a newer one of the same id; guarded by Manager.mu
}

// descriptorsLeft is how many descriptors sessions leave to others: without any, no file could be opened. The kernel
// gives the lowest that is free.
const descriptorsLeft = 16

func newWatcher() (*watcher, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, os.NewSyscallError("eventfd", err)
	}
	w := &watcher{epoll: epoll, wake: wake, done: make(chan struct{}), sessions: make(map[int32]*session)}
	if err := w.control(unix.EPOLL_CTL_ADD, wake, unix.EPOLLIN); err != nil {
		unix.Close(epoll)
		unix.Close(wake)
		return nil, err
	}
	return w, nil
}

func (w *watcher) control(op, fd int, events uint32) error {
	err := unix.EpollCtl(w.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
	return os.NewSyscallError("epoll_ctl", err)
}

// addLocked watches s, and delLocked stops it.
// Precondition of both: Manager.mu is held.
func (w *watcher) addLocked(s *session) error {
	fd, events := s.life.watched()
	if fd < 0 {
		return nil
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil && uint64(fd)+descriptorsLeft >= limit.Cur {
		return unix.EMFILE
	}
	w.sessions[int32(fd)] = s
	if err := w.control(unix.EPOLL_CTL_ADD, fd, events); err != nil {
		delete(w.sessions, int32(fd))
		return err
	}
	return nil
}

func (w *watcher) delLocked(s *session) {
	fd, _ := s.life.watched()
	if fd < 0 {
		return
	}
	delete(w.sessions, int32(fd))
	w.control(unix.EPOLL_CTL_DEL, fd, 0)
	s.life.close()
}

// Start watches the sessions until Close and has e end their scopes. It is called once.
func (m *Manager) Start(e Ender) {
	if m.watcher == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	m.watcher.started = true
	go m.watch(e)
}

// watch is the goroutine.
func (m *Manager) watch(e Ender) {
	w := m.watcher
	defer close(w.done)
	events := make([]unix.EpollEvent, 64)
	for {
		n, err := unix.EpollWait(w.epoll, events, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			m.log.Error("sessions are not watched any more; what they leave stays until the unmount", "why", os.NewSyscallError("epoll_wait", err))
			return
		}
		var ended []*fs.Scope
		for _, event := range events[:n] {
			if event.Fd == int32(w.wake) {
				return
			}
			ended = append(ended, m.stirred(event.Fd)...)
		}
		for _, scope := range ended {
			e.EndScope(scope)
		}
	}
}

// stirred looks after the session with that descriptor and returns its scopes if it is over.
func (m *Manager) stirred(fd int32) []*fs.Scope {
	m.mu.RLock()
	s := m.watcher.sessions[fd]
	m.mu.RUnlock()
	if s == nil {
		return nil
	}
	next := s.life.next() // only this goroutine replaces lives
	if next == s.life {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if next == nil && s.life.resumed() {
		return nil // level-triggered: what else there is to see comes again
	}
	m.watcher.delLocked(s)
	if next != nil {
		s.life = next
		err := m.watcher.addLocked(s)
		if err == nil {
			return nil
		}
		m.log.Warn("a session cannot be watched any more and ends", "session", s.name, "why", err)
		next.close()
	}
	if m.sessions[s.id] == s {
		delete(m.sessions, s.id)
	}
	return s.scopes.all()
}

// close ends the goroutine and gives every descriptor back.
// Precondition: m is closed, so that no session is added; m.mu is not held.
func (w *watcher) close(m *Manager) {
	m.mu.RLock()
	started := w.started
	m.mu.RUnlock()
	if started {
		unix.Write(w.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		<-w.done
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range w.sessions {
		s.life.close()
	}
	w.sessions, m.sessions = nil, nil
	unix.Close(w.epoll)
	unix.Close(w.wake)
}
