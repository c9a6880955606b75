// Package quota counts bytes and inodes against limits in a tree of domains.
//
// A Domain has a limit of its own and lies in its parent: what is reserved in it counts in
// every domain up to the root, or in none. An operation first reserves the most that it can
// need, then does its work, then releases what it did not need.
//
// # What holds under parallel use
//
// No domain is over a limit at any instant, and no reservation is refused that would have
// fitted: parallel reservers against a limit get exactly the limit in total. Reserving walks
// from the domain to the root and undoes what it took when a domain refuses. What has been
// taken and may still be undone is announced in the account (see account); a reserver that
// would be refused only because of that tries again. So each reservation takes effect at one
// instant between call and return, and a refusal means that at one such instant some domain
// was full. A release takes effect when it returns.
//
// # Locks
//
// Reserving and releasing take none: one compare-and-swap per domain. Domain.mu orders
// SetLimits and Usage of that domain; it is a leaf, nothing is locked below it.
package quota

import (
	"fmt"
	"sync"
	"syscall"
)

// PageSize is the unit in which bytes are counted, bytes.
const PageSize = 4096

// Errors of a full domain. errors.Is(err, syscall.ENOSPC) holds for both.
var (
	ErrBytes  = fmt.Errorf("quota of bytes is used up: %w", syscall.ENOSPC)
	ErrInodes = fmt.Errorf("quota of inodes is used up: %w", syscall.ENOSPC)
)

// Limits of a domain. 0 is unlimited; Bytes counts in whole pages, rounded up as tmpfs
// does with size= (mm/shmem.c, shmem_parse_one).
type Limits struct {
	Bytes  int64
	Inodes int64
}

// Usage is a domain's limits and what counts against them. Under parallel use it can
// include reservations that are about to be undone.
type Usage struct {
	Limits
	BytesUsed  int64 // whole pages
	InodesUsed int64
}

// A Domain is the scope of a limit: a mount, a session, a user.
type Domain struct {
	// Immutable.
	parent *Domain // nil at the root
	name   string

	mu       sync.Mutex // held to change or to read limits and counts together
	accounts [resources]account
}

// resource is what an account counts.
type resource int

const (
	pages resource = iota
	inodes
	resources // how many there are
)

// New makes a domain in parent, or a root without one. Name is for messages. Limits
// below zero are a mistake of the caller and panic.
func New(parent *Domain, name string, l Limits) *Domain {
	if !l.valid() {
		panic(fmt.Sprintf("quota: domain %q with limits below zero: %+v", name, l))
	}
	d := &Domain{parent: parent, name: name}
	for r := range d.accounts {
		d.accounts[r].init(l.count(resource(r)))
	}
	return d
}

// Name is the name the domain was made with.
func (d *Domain) Name() string { return d.name }

func (l Limits) valid() bool { return l.Bytes >= 0 && l.Inodes >= 0 }

// count is the limit of one resource in the account's unit.
func (l Limits) count(r resource) int64 {
	n := l.Inodes
	if r == pages {
		n = toPages(l.Bytes)
	}
	if n == 0 || n > unlimited {
		return unlimited
	}
	return n
}

// toPages rounds bytes up to pages; no overflow for any n >= 0.
func toPages(n int64) int64 {
	p := n / PageSize
	if n%PageSize != 0 {
		p++
	}
	return p
}
