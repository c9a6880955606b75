package tiered

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Seek implements store.File. Pages that were only charged count as holes, as on tmpfs
// (mm/filemap.c, mapping_seek_hole_data).
func (f *File) Seek(off int64, whence int) (int64, error) {
	if whence != unix.SEEK_DATA && whence != unix.SEEK_HOLE {
		return 0, syscall.EINVAL
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if off < 0 || off >= f.size {
		return 0, syscall.ENXIO
	}
	if whence == unix.SEEK_HOLE {
		return f.holeFrom(off, f.size), nil
	}
	data, ok := f.dataFrom(off)
	if !ok || data >= f.size {
		return 0, syscall.ENXIO
	}
	return data, nil
}

// dataFrom is the first offset from off on that has content. The caller holds mu for reading.
func (f *File) dataFrom(off int64) (int64, bool) {
	index, page := pageAt(off)
	for c := f.chunks.next(index); c != nil; c = f.chunks.next(c.index + 1) {
		s := c.written()
		if c.index == index {
			s &^= pagesIn(0, page)
		}
		if s != 0 {
			return max(off, c.index*chunkSize+int64(s.first())*pageSize), true
		}
	}
	return 0, false
}

// Missing implements store.File.
func (f *File) Missing(off, n int64) int64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.missing(off, off+n) * pageSize
}

// holeFrom is the first offset from off on that has none; end if that is not before end. The caller holds mu
// for reading.
func (f *File) holeFrom(off, end int64) int64 {
	index, page := pageAt(off)
	for last := (end - 1) / chunkSize; index <= last; index, page = index+1, 0 {
		c := f.chunks.get(index)
		if c == nil {
			return max(off, index*chunkSize)
		}
		if s := allPages &^ c.written() &^ pagesIn(0, page); s != 0 {
			return min(max(off, index*chunkSize+int64(s.first())*pageSize), end)
		}
	}
	return end
}
