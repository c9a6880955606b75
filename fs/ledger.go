package fs

import "sync"

// A ledger bounds what the tree remembers for users besides their files, for each of them and for all. A share
// is kept for root, who looks after a mount that others have filled.
type ledger struct {
	most, mostUser int64 // constant

	mu    sync.Mutex
	total int64            // guarded by mu
	users map[uint32]int64 // what is not 0; guarded by mu
}

// take counts amount for a user, unless that is more than there may be; a negative one is given back.
func (l *ledger) take(uid uint32, amount int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, most, all := l.users[uid]+amount, l.mostUser, l.most-l.mostUser
	if uid == 0 {
		most, all = l.most, l.most
	}
	if amount > 0 && (now > most || l.total+amount > all) {
		return false
	}
	if l.users == nil {
		l.users = make(map[uint32]int64)
	}
	l.total += amount
	l.users[uid] = now
	if now == 0 {
		delete(l.users, uid)
	}
	return true
}
