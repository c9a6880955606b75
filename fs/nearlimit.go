package fs

import (
	"syscall"

	"golang.org/x/sys/unix"

	"vanishfs/fs/store"
)

// nearLimit writes where the daemon counts bytes and could not reserve every
// page that a write touches: page by page, a new one from what was granted, one
// that exists for nothing.
//
// It is used with n.charging held.
type nearLimit struct {
	n       *inode
	c       store.File
	granted int64 // bytes left
}

// write returns how much of data was written; ENOSPC comes with 0 only.
func (l *nearLimit) write(off int64, data []byte) (written int, err error) {
	for written < len(data) {
		pos := off + int64(written)
		chunk := data[written:]
		if inPage := store.PageSize - pos%store.PageSize; int64(len(chunk)) > inPage {
			chunk = chunk[:inPage]
		}
		w, err := l.writePage(pos, chunk)
		written += w
		if err != nil {
			if written > 0 && err == syscall.ENOSPC {
				err = nil
			}
			return written, err
		}
		if w < len(chunk) {
			break
		}
	}
	return written, nil
}

func (l *nearLimit) writePage(pos int64, chunk []byte) (int, error) {
	hole, err := l.isHole(pos)
	switch {
	case err != nil:
		return 0, err
	case !hole:
		return l.c.WriteAt(chunk, pos)
	case l.n.hasReserved():
		return l.writeReserved(pos, chunk)
	case l.granted >= store.PageSize:
		l.granted -= store.PageSize
		return l.c.WriteAt(chunk, pos)
	}
	return 0, syscall.ENOSPC
}

// noteReserved says that content is about to be reserved that looks like holes.
func (n *inode) noteReserved() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reserved = true
}

func (n *inode) hasReserved() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.reserved
}

// isHole says whether the page at pos looks as if it were not there.
func (l *nearLimit) isHole(pos int64) (bool, error) {
	page := pos - pos%store.PageSize
	data, err := l.c.Seek(page, unix.SEEK_DATA)
	if err == syscall.ENXIO {
		return true, nil
	}
	return data >= page+store.PageSize, err
}

// writeReserved writes to a page that is either a hole or reserved by
// fallocate: SEEK_DATA cannot tell (mm/filemap.c, mapping_seek_hole_data, goes
// by uptodate), the block count after the write can. What turns out to have been
// a hole that was not granted is made one again.
func (l *nearLimit) writeReserved(pos int64, chunk []byte) (int, error) {
	before, err := l.c.Attr()
	if err != nil {
		return 0, err
	}
	w, err := l.c.WriteAt(chunk, pos)
	if err != nil {
		return w, err
	}
	after, err := l.c.Attr()
	if err != nil {
		return w, err
	}
	if after.Blocks <= before.Blocks {
		return w, nil
	}
	if l.granted >= store.PageSize {
		l.granted -= store.PageSize
		return w, nil
	}
	page := pos - pos%store.PageSize
	if err := l.c.Allocate(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, page, store.PageSize); err != nil {
		return 0, err
	}
	if after.Size > before.Size {
		if err := l.c.Truncate(before.Size); err != nil {
			return 0, err
		}
	}
	return 0, syscall.ENOSPC
}
