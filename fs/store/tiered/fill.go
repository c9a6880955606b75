package tiered

import "syscall"

// Fill implements store.File.
func (f *File) Fill(off, n int64) error {
	if off < 0 {
		return syscall.EINVAL
	}
	f.mu.RLock()
	end := min(off+n, f.size)
	f.mu.RUnlock()
	off = off / pageSize * pageSize
	for p := range pieces(off, end-off) {
		if err := f.fillPiece(p); err != nil {
			return err
		}
	}
	return nil
}

// fillPiece puts zeros where the pages of p have no content.
func (f *File) fillPiece(p piece) error {
	l, err := f.lockWritable(p, f.writersMark(p), func(c *chunk) pageSet { return f.blankInLocked(c, p) })
	if err != nil {
		return err
	}
	defer l.unlock()
	set := f.blankInLocked(l.c, p)
	if set == 0 {
		return nil
	}
	charge := set
	if l.c != nil {
		charge &^= l.c.held
	}
	if err := f.s.domain.ReserveBytes(int64(charge.len()) * pageSize); err != nil {
		return syscall.ENOSPC
	}
	c := f.chunkLocked(p.index)
	f.holdLocked(c, set)
	for page := range set.all() {
		f.writableLocked(c, page, &l.hand) // frames are zeros
	}
	return nil
}

// blankInLocked is the pages of p within the file that have no content. c is p's chunk and can be nil.
func (f *File) blankInLocked(c *chunk, p piece) pageSet {
	p.to = int(min(int64(p.to), f.size-p.index*chunkSize))
	set := p.touched()
	if c != nil {
		set &^= c.written()
	}
	return set
}
