package transport

// putOff are the bulky requests that a thread answers when it has no others, the first one first. To hand them off
// would cost each a thread that waits for its time on the CPU, which one user's many threads want, too.
type putOff struct{ first, last *uringEntry }

func (p *putOff) empty() bool { return p.first == nil }

func (p *putOff) add(e *uringEntry) {
	if p.first == nil {
		p.first = e
	} else {
		p.last.after = e
	}
	p.last = e
}

// take takes the first one. There is one.
func (p *putOff) take() *uringEntry {
	e := p.first
	p.first, e.after = e.after, nil
	return e
}
