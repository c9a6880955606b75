package fs

import (
	"sync"
	"syscall"
	"time"
)

// A reservation keeps a magic name for the user who was given it.
type reservation struct {
	uid     uint32
	once    bool
	expires int64 // ns since the epoch
}

const (
	reservedFor     = 60 * time.Second
	mostReserved    = 1 << 18 // in a mount; the oldest go first, which costs their owner the reservation only
	expireAtOneTime = 4       // what each new one clears away, so that the queue cannot grow
)

// mayTakeLocked says whether uid may make a file of that name.
// Precondition: d.mu is held, for reading at least.
func (f *FS) mayTakeLocked(d *directory, name string, uid uint32) bool {
	r, ok := d.reserved[name]
	return !ok || r.uid == uid || r.expires < f.clock.now()
}

// reserve picks a name that is neither in use nor reserved in dir.
func (f *FS) reserve(dir *inode, t template, r reservation) (string, error) {
	r.expires = f.clock.now() + int64(reservedFor)
	name, err := f.reserveIn(dir.dir, t, r)
	if err != nil {
		return "", err
	}
	for _, old := range f.reservations.push(reservedName{dir.dir, name, r.expires}, f.clock.now()) {
		old.drop()
	}
	return name, nil
}

func (f *FS) reserveIn(d *directory, t template, r reservation) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return "", syscall.ENOENT
	}
	for {
		name := t.name()
		if _, taken := d.reserved[name]; taken || d.children[name] != nil {
			continue
		}
		if d.reserved == nil {
			d.reserved = make(map[string]reservation)
		}
		d.reserved[name] = r
		return name, nil
	}
}

// reservationQueue remembers in which order reservations end. Its lock is
// taken alone.
type reservationQueue struct {
	mu    sync.Mutex
	names []reservedName
	head  int
}

type reservedName struct {
	dir     *directory
	name    string
	expires int64
}

func (r reservedName) drop() {
	r.dir.mu.Lock()
	defer r.dir.mu.Unlock()
	if cur, ok := r.dir.reserved[r.name]; ok && cur.expires == r.expires {
		delete(r.dir.reserved, r.name)
	}
}

// push adds a reservation and returns those that are over.
func (q *reservationQueue) push(r reservedName, now int64) (over []reservedName) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.names = append(q.names, r)
	for len(over) < expireAtOneTime && q.head < len(q.names) &&
		(q.names[q.head].expires < now || len(q.names)-q.head > mostReserved) {
		over = append(over, q.names[q.head])
		q.names[q.head] = reservedName{}
		q.head++
	}
	if q.head > 1024 && q.head > len(q.names)/2 {
		q.names = append([]reservedName(nil), q.names[q.head:]...)
		q.head = 0
	}
	return over
}
