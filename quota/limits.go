package quota

import (
	"runtime"
	"syscall"
)

// SetLimits changes the limits, both or none: EINVAL below what is in use. Reservations
// made meanwhile count against the new limits or make it fail, never against neither.
func (d *Domain) SetLimits(l Limits) error {
	if !l.valid() {
		return syscall.EINVAL
	}
	d.mu.Lock()
	defer d.mu.Unlock()

	// What a smaller limit takes away is taken like a reservation. It is provisional until
	// the other resource has agreed, so it is announced.
	var delta [resources]int64
	for r := range d.accounts {
		a := &d.accounts[r]
		delta[r] = a.limit.Load() - l.count(resource(r))
		a.begin()
		defer a.end()
		if !a.takeAway(delta[r]) {
			for done := range r {
				d.accounts[done].putBack(delta[done])
			}
			return syscall.EINVAL
		}
	}
	for r := range d.accounts {
		if delta[r] > 0 {
			d.accounts[r].shrink(delta[r])
		} else {
			d.accounts[r].grow(-delta[r])
		}
	}
	return nil
}

// takeAway takes delta if it is above zero. It waits out others' provisional use.
func (a *account) takeAway(delta int64) bool {
	if delta <= 0 {
		return true
	}
	for {
		if got, settled := a.take(delta, false, 1); settled {
			return got == delta
		}
		runtime.Gosched()
	}
}

func (a *account) putBack(delta int64) {
	if delta > 0 {
		a.put(delta)
	}
}

// Usage is the domain's own limits and use.
func (d *Domain) Usage() Usage {
	d.mu.Lock()
	defer d.mu.Unlock()
	var u Usage
	u.setBytes(&d.accounts[pages])
	u.setInodes(&d.accounts[inodes])
	return u
}

// Tightest is what statfs shows of a domain: bytes of the domain with the least free bytes,
// inodes of the one with the least free inodes, among itself and those above.
func (d *Domain) Tightest() Usage {
	t := d.Usage()
	for at := d.parent; at != nil; at = at.parent {
		u := at.Usage()
		if u.BytesFree() < t.BytesFree() {
			t.Bytes, t.BytesUsed = u.Bytes, u.BytesUsed
		}
		if u.InodesFree() < t.InodesFree() {
			t.Inodes, t.InodesUsed = u.Inodes, u.InodesUsed
		}
	}
	return t
}

// BytesFree is what is left, bytes; a large number (at least 2^61) without a limit.
func (u Usage) BytesFree() int64 {
	if u.Bytes == 0 {
		return unlimited*PageSize - u.BytesUsed
	}
	return u.Bytes - u.BytesUsed
}

// InodesFree is what is left; a large number without a limit.
func (u Usage) InodesFree() int64 {
	if u.Inodes == 0 {
		return unlimited - u.InodesUsed
	}
	return u.Inodes - u.InodesUsed
}

// setBytes and setInodes need Domain.mu: limit and free are read as a pair.
func (u *Usage) setBytes(a *account) {
	limit, free := a.limit.Load(), a.free.Load()
	u.BytesUsed = (limit - free) * PageSize
	if limit != unlimited {
		u.Bytes = limit * PageSize
	}
}

func (u *Usage) setInodes(a *account) {
	limit, free := a.limit.Load(), a.free.Load()
	u.InodesUsed = limit - free
	if limit != unlimited {
		u.Inodes = limit
	}
}
