package fs

import (
	"sync"
	"time"
)

// A look at what a process has mapped opens its /proc/pid/maps, and that may take for ever: mm_access (kernel/fork.c)
// waits while the process is inside execve, and a process can stay there as long as it likes, by a close-on-exec
// descriptor on a filesystem that does not answer. Before Linux 6.17 reading it waits for the process's mmap lock
// besides, which a fault that is tried again holds while it waits for us (mm/filemap.c, maybe_unlock_mmap_for_io),
// with a writer queued between. A thread of ours waits with it. So looks are few and patience has an end; without
// an answer it is yes, which costs a page. Who waits meanwhile has one of his own user's turns.
const (
	looksPerUser  = 2
	looksAtAll    = 32
	looksPatience = 250 * time.Millisecond
	// looksMemory is how long a yes holds: who stores to one page after the other is looked at now and then.
	looksMemory = 20 * time.Millisecond
)

// Looks asks which processes may have which inodes mapped. Make it with NewLooks. Its methods may be called from
// any goroutine.
type Looks struct {
	mayMap func(pid uint32, ino uint64) bool // see MayMap; constant

	mu      sync.Mutex
	running int                   // looks that have not come back; guarded by mu
	users   map[uint32]*userLooks // who has some; guarded by mu
	recent  [64]sighting          // guarded by mu
}

// userLooks is the looks at one user's processes. Guarded by Looks.mu.
type userLooks struct {
	running int             // have not come back
	late    int             // of these, nobody waits for any more
	queue   []chan struct{} // wait for one to come back
}

// A sighting is that a process may have an inode mapped.
type sighting struct {
	ino   uint64
	pid   uint32
	until time.Time
}

// NewLooks makes Looks that ask mayMap.
func NewLooks(mayMap func(pid uint32, ino uint64) bool) *Looks {
	return &Looks{mayMap: mayMap, users: map[uint32]*userLooks{}}
}

// MayMap reports whether a process of a user may have an inode mapped; true in doubt. It may take looksPatience:
// it is not for a thread that serves.
func (l *Looks) MayMap(pid, uid uint32, ino uint64) bool {
	if l.Seen(pid, ino) {
		return true
	}
	patience := time.NewTimer(looksPatience)
	defer patience.Stop()
	mapped := !l.begin(uid, patience.C)
	if !mapped {
		mapped = l.look(pid, uid, ino, patience.C)
	}
	if mapped {
		l.note(pid, ino)
	}
	return mapped
}

// Seen reports whether that is known to be so without a look.
func (l *Looks) Seen(pid uint32, ino uint64) bool {
	if pid == 0 { // not of this pid namespace (fs/fuse/dev.c, fuse_get_req)
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sightingLocked(pid, ino)
	return s.pid == pid && s.ino == ino && time.Now().Before(s.until)
}

func (l *Looks) note(pid uint32, ino uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*l.sightingLocked(pid, ino) = sighting{ino, pid, time.Now().Add(looksMemory)}
}

// sightingLocked is the place of what is known of pid and ino.
// Precondition: l.mu is held.
func (l *Looks) sightingLocked(pid uint32, ino uint64) *sighting {
	return &l.recent[(uint64(pid)*31+ino)%uint64(len(l.recent))]
}

// look looks, once begin has returned true.
func (l *Looks) look(pid, uid uint32, ino uint64, patience <-chan time.Time) bool {
	answer := make(chan bool)
	tooLate := make(chan struct{})
	go func() {
		mapped := l.mayMap(pid, ino)
		select {
		case answer <- mapped:
			l.end(uid, false)
		case <-tooLate:
			l.end(uid, true)
		}
	}()
	select {
	case mapped := <-answer:
		return mapped
	case <-patience:
		l.mu.Lock()
		l.users[uid].late++
		l.mu.Unlock()
		close(tooLate)
		return true
	}
}

// begin waits until there may be one look more at a process of that user, or reports that there may not.
func (l *Looks) begin(uid uint32, patience <-chan time.Time) bool {
	l.mu.Lock()
	u := l.users[uid]
	if u == nil {
		u = &userLooks{}
		l.users[uid] = u
	}
	if l.running < looksAtAll && u.running < looksPerUser {
		l.running++
		u.running++
		l.mu.Unlock()
		return true
	}
	if u.late == u.running || l.running == looksAtAll {
		l.forgetLocked(uid, u)
		l.mu.Unlock()
		return false
	}
	turn := make(chan struct{}, 1)
	u.queue = append(u.queue, turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return true
	case <-patience:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, t := range u.queue {
		if t == turn {
			u.queue = append(u.queue[:i], u.queue[i+1:]...)
			return false
		}
	}
	return true // its turn came at the last moment
}

// end is the end of a look, which gives way to the next.
func (l *Looks) end(uid uint32, late bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.users[uid]
	if late {
		u.late--
	}
	if len(u.queue) > 0 {
		u.queue[0] <- struct{}{}
		u.queue = u.queue[1:]
		return
	}
	l.running--
	u.running--
	l.forgetLocked(uid, u)
}

// forgetLocked drops what is kept of a user without looks.
// Precondition: l.mu is held.
func (l *Looks) forgetLocked(uid uint32, u *userLooks) {
	if u.running == 0 {
		delete(l.users, uid)
	}
}
