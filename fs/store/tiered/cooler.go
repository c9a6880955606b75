package tiered

import (
	"context"
	"time"
)

// coolDelay is how long a warm frame beyond marks.keep is left unused before the kernel gets it back:
// files that are written after others were removed need not wait until pages are zeroed.
const coolDelay = time.Second

// cool is the cooler: it gives warm frames back that nobody uses. It ends with ctx.
func (p *pool) cool(ctx context.Context) {
	delay := time.NewTimer(0)
	defer delay.Stop()
	for {
		select {
		case <-p.ample:
		case <-ctx.Done():
			return
		}
		for p.coolUnused() {
			delay.Reset(coolDelay)
			select {
			case <-delay.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// coolUnused gives back the frames beyond marks.keep that were warm ever since it was last called. It
// reports whether it should be called again.
func (p *pool) coolUnused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for excess := p.least - p.marks.keep; excess > 0; {
		frames := make([]frame, min(excess, giveMost, p.warm.len))
		excess -= len(frames)
		p.warm.take(frames)
		p.cooling = len(frames)
		p.mu.Unlock()
		p.arena.drop(frames)
		p.mu.Lock()
		p.cooling = 0
		p.cold.addAll(frames)
		p.announceLocked()
		excess = min(excess, p.warm.len-p.marks.keep)
	}
	p.least = p.warm.len
	return p.warm.len > p.marks.keep
}
