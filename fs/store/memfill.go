package store

// wakeFiller never blocks.
func (s *Memory) wakeFiller() {
	select {
	case s.filler.wake <- struct{}{}:
	default:
	}
}

// fill keeps empty backing files ready for New until the store is closed. Nothing is
// made before the first New: many a mount never sees more than a handful of files.
func (s *Memory) fill() {
	defer close(s.filler.done)
	for {
		select {
		case <-s.filler.quit:
			return
		case <-s.filler.wake:
			s.refill()
		}
	}
}

func (s *Memory) refill() {
	for s.handles.wantsReady() && !s.quitting() {
		h, err := s.createHandle(nil)
		if err != nil {
			return // New meets the same error and reports it
		}
		if !s.handles.offer(h) {
			s.unlink(h.id)
			s.drop(h)
			return
		}
	}
}

func (s *Memory) quitting() bool {
	select {
	case <-s.filler.quit:
		return true
	default:
		return false
	}
}
