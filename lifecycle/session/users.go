package session

import (
	"runtime"
	"strconv"
	"sync"
	"weak"

	"vanishfs/fs"
	"vanishfs/quota"
)

// users are the limits of users. What is kept for one is as old as what refers
// to it: files refer to their scope, a scope to its domain, a domain to the one
// above it. So it is freed when it is unused, and never while somebody who has
// just got it is about to charge it.
type users struct {
	// Constant.
	mount *quota.Domain
	apart bool // users have domains of their own
	ids   *subordinates

	mu      sync.RWMutex
	size    int64                                 // bytes, 0 is unlimited; guarded by mu
	domains map[uint32]weak.Pointer[quota.Domain] // by person; guarded by mu
	owns    map[uint32]weak.Pointer[fs.Scope]     // by person; guarded by mu
}

func newUsers(mount *quota.Domain, size int64) *users {
	return &users{
		mount: mount, apart: size > 0, size: size, ids: newSubordinates(subordinateFile, userID),
		domains: make(map[uint32]weak.Pointer[quota.Domain]),
		owns:    make(map[uint32]weak.Pointer[fs.Scope]),
	}
}

// key tells users apart where they have limits: one person's ids have one.
func (u *users) key(uid uint32) uint32 {
	if !u.apart {
		return 0
	}
	return u.ids.person(uid)
}

// learn is key for a user who is not known yet: he may be newer than what is known of subordinate ids.
func (u *users) learn(uid uint32) uint32 {
	u.ids.refresh()
	return u.key(uid)
}

// domain is what all files of a user are charged to.
func (u *users) domain(uid uint32) *quota.Domain {
	if !u.apart {
		return u.mount
	}
	person := u.learn(uid)
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.domainLocked(person)
}

// domainLocked makes the domain of a person where there is none.
// Precondition: mu is held.
func (u *users) domainLocked(uid uint32) *quota.Domain {
	if d := u.domains[uid].Value(); d != nil {
		return d
	}
	d := quota.New(u.mount, "user:"+strconv.FormatUint(uint64(uid), 10), quota.Limits{Bytes: u.size})
	u.domains[uid] = keep(d, &u.mu, u.domains, uid)
	return d
}

// own is the scope of a user's files that are in no session, nil if it is the
// mount's: it ends with the mount.
func (u *users) own(uid uint32) *fs.Scope {
	if !u.apart {
		return nil
	}
	person := u.key(uid)
	u.mu.RLock()
	scope := u.owns[person].Value()
	u.mu.RUnlock()
	if scope != nil {
		return scope
	}
	person = u.learn(uid)
	u.mu.Lock()
	defer u.mu.Unlock()
	if scope := u.owns[person].Value(); scope != nil {
		return scope
	}
	scope = &fs.Scope{Name: "mount", Domain: u.domainLocked(person)}
	u.owns[person] = keep(scope, &u.mu, u.owns, person)
	return scope
}

// keep is a weak pointer for m[uid], where it stays until v is freed. The caller holds mu.
func keep[T any](v *T, mu *sync.RWMutex, m map[uint32]weak.Pointer[T], uid uint32) weak.Pointer[T] {
	p := weak.Make(v)
	runtime.AddCleanup(v, func(uid uint32) {
		mu.Lock()
		defer mu.Unlock()
		if m[uid] == p {
			delete(m, uid)
		}
	}, uid)
	return p
}
