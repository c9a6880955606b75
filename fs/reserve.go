package fs

import (
	"container/list"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// A reservation keeps a magic name for the user who was given it. All but lapse is constant.
type reservation struct {
	of   *reservations
	dir  *directory
	name string
	uid  uint32
	once bool

	lapse  *lapse[*reservation]
	byUser *list.Element // in reserver.oldest; guarded by reservations.mu
}

const (
	reservedFor = 60 * time.Second
	// Beyond these a user loses his oldest reservations, which costs him no more than them. Where all users
	// together have too many, it is he who has most.
	mostReservedUser  = 1 << 10
	mostReservedMount = 1 << 14
)

// reservations are all there are in a mount, by user. Each is in its directory as well, until the name is made
// or it lapses.
type reservations struct {
	lapses expiry[*reservation]

	mu    sync.Mutex
	users map[uint32]*list.List // of *reservation, oldest first; never empty; guarded by mu
	count int                   // guarded by mu
}

func (q *reservations) init() {
	q.lapses.end = func(l *lapse[*reservation]) { q.drop(l.value) }
	q.users = make(map[uint32]*list.List)
}

// mayTakeLocked says whether the caller may make a file of that name.
// Precondition: d.mu is held, for reading at least.
func (f *FS) mayTakeLocked(d *directory, name string, h *fuse.InHeader) bool {
	r := d.reserved[name]
	return r == nil || r.uid == f.Caller(h)
}

// onceLocked reports whether a name is reserved for a file that is to go at its last close.
// Precondition: d.mu is held, for reading at least.
func (d *directory) onceLocked(name string) bool {
	r := d.reserved[name]
	return r != nil && r.once
}

// unreserveLocked ends the reservation of a name, if there is one.
// Precondition: d.mu is held.
func (d *directory) unreserveLocked(name string) {
	r := d.reserved[name]
	if r == nil {
		return
	}
	delete(d.reserved, name)
	if len(d.reserved) == 0 {
		d.reserved = nil // a map does not shrink
	}
	r.of.forget(r)
}

// reserve picks a name that is neither in use nor reserved in dir.
func (f *FS) reserve(dir *inode, t template, uid uint32, once bool) (string, error) {
	r := &reservation{of: &f.reservations, dir: dir.dir, uid: uid, once: once}
	if err := r.choose(t); err != nil {
		return "", err
	}
	name := r.name
	for _, old := range f.reservations.add(r) {
		old.leave()
	}
	return name, nil
}

// choose gives r its name and puts it in its directory.
func (r *reservation) choose(t template) error {
	d := r.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return syscall.ENOENT
	}
	for r.name == "" || d.reserved[r.name] != nil || d.children[r.name] != nil {
		r.name = t.name()
	}
	if d.reserved == nil {
		d.reserved = make(map[string]*reservation)
	}
	d.reserved[r.name] = r
	return nil
}

// leave takes r out of its directory, where it may have been taken already.
func (r *reservation) leave() {
	r.dir.mu.Lock()
	defer r.dir.mu.Unlock()
	if r.dir.reserved[r.name] == r {
		r.dir.unreserveLocked(r.name)
	}
}

// add counts r and returns those that have to leave for it.
func (q *reservations) add(r *reservation) (over []*reservation) {
	r.lapse = q.lapses.add(r, reservedFor)
	q.mu.Lock()
	defer q.mu.Unlock()
	of := q.users[r.uid]
	if of == nil {
		of = list.New()
		q.users[r.uid] = of
	}
	r.byUser = of.PushBack(r)
	q.count++
	if of.Len() > mostReservedUser {
		over = append(over, q.forgetLocked(of.Front()))
	}
	if q.count > mostReservedMount {
		// Half of what he has, so that he is not looked for each time.
		most := q.mostLocked()
		for range (most.Len() + 1) / 2 {
			over = append(over, q.forgetLocked(most.Front()))
		}
	}
	return over
}

// mostLocked is the reservations of the user who has most.
// Precondition: mu is held, and there are some.
func (q *reservations) mostLocked() (most *list.List) {
	for _, of := range q.users {
		if most == nil || of.Len() > most.Len() {
			most = of
		}
	}
	return most
}

// forgetLocked takes a reservation out of all but its directory.
// Precondition: mu is held.
func (q *reservations) forgetLocked(e *list.Element) *reservation {
	r := e.Value.(*reservation)
	r.byUser = nil
	q.lapses.cancel(r.lapse)
	q.count--
	of := q.users[r.uid]
	of.Remove(e)
	if of.Len() == 0 {
		delete(q.users, r.uid)
	}
	return r
}

// forget does not count r any more.
func (q *reservations) forget(r *reservation) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r.byUser != nil { // else it is forgotten, or about to be added, and lapses
		q.forgetLocked(r.byUser)
	}
}

// drop is the end of a reservation's time.
func (q *reservations) drop(r *reservation) {
	r.leave()
	q.forget(r)
}
