package quota

import "syscall"

// A Change is new limits of a domain.
type Change struct {
	Domain *Domain
	Limits Limits
}

// Prepare begins to change the limits of several domains, all or none: EINVAL where one would be below what is in
// use. Until Commit or Cancel, each domain has the smaller of its old and its new limits, so that neither of the
// two can fail. Nobody else may change limits of these domains meanwhile.
func Prepare(changes []Change) (*Pending, error) {
	p := &Pending{changes: changes}
	for _, c := range changes {
		if !c.Limits.valid() {
			p.Cancel()
			return nil, syscall.EINVAL
		}
		old := c.Domain.Usage().Limits
		if err := c.Domain.SetLimits(old.smaller(c.Limits)); err != nil {
			p.Cancel()
			return nil, err
		}
		p.old = append(p.old, old)
	}
	return p, nil
}

// A Pending is a change that is prepared.
type Pending struct {
	changes []Change
	old     []Limits // of the first len(old) of changes
}

// Commit makes the new limits hold.
func (p *Pending) Commit() {
	for _, c := range p.changes {
		grow(c.Domain, c.Limits)
	}
}

// Cancel makes the old limits hold.
func (p *Pending) Cancel() {
	for i, old := range p.old {
		grow(p.changes[i].Domain, old)
	}
}

// grow sets limits that are nowhere below those that d has.
func grow(d *Domain, l Limits) {
	if err := d.SetLimits(l); err != nil {
		panic("quota: domain " + d.name + ": larger limits are refused")
	}
}

// smaller is of each resource the lower limit.
func (l Limits) smaller(other Limits) Limits {
	lower := func(a, b int64) int64 {
		if a == 0 || b != 0 && b < a {
			return b
		}
		return a
	}
	return Limits{Bytes: lower(l.Bytes, other.Bytes), Inodes: lower(l.Inodes, other.Inodes)}
}
