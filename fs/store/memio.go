package store

import "golang.org/x/sys/unix"

// ReadAt implements File.
func (f *memFile) ReadAt(p []byte, off int64) (n int, err error) {
	fd, err := f.fd()
	if err != nil {
		return 0, err
	}
	defer f.done(fd)
	return f.s().readFrom(fd, p, off)
}

// ReadUnseen implements File. The descriptor that all share moves atime, so this takes one of its own.
func (f *memFile) ReadUnseen(p []byte, off int64) (int, error) {
	fd, err := f.s().openName(f.id, unix.O_NOATIME)
	if err != nil {
		return 0, f.s().errno("open", err)
	}
	defer closeFD(fd)
	return f.s().readFrom(fd, p, off)
}

func (s *Memory) readFrom(fd int, p []byte, off int64) (n int, err error) {
	for n < len(p) {
		m, err := pread(fd, p[n:], off+int64(n))
		if err != nil {
			return n, s.errno("read", err)
		}
		if m == 0 {
			break
		}
		n += m
	}
	return n, nil
}

// WriteAt implements File. tmpfs itself writes what fits and says ENOSPC when asked for
// more (mm/filemap.c, generic_perform_write), so the second try tells.
func (f *memFile) WriteAt(p []byte, off int64) (n int, err error) {
	fd, err := f.fd()
	if err != nil {
		return 0, err
	}
	defer f.done(fd)
	for n < len(p) {
		m, err := pwrite(fd, p[n:], off+int64(n))
		if err != nil && n == 0 {
			return 0, f.s().errno("write", err)
		}
		if err != nil || m == 0 {
			break
		}
		n += m
	}
	return n, nil
}

// Truncate implements File.
func (f *memFile) Truncate(size int64) error {
	fd, err := f.fd()
	if err != nil {
		return err
	}
	defer f.done(fd)
	return f.s().errno("truncate", ftruncate(fd, size))
}

// Allocate implements File. tmpfs knows no ZERO_RANGE; a failing call gives back what it took
// (mm/shmem.c, shmem_fallocate).
func (f *memFile) Allocate(mode uint32, off, length int64) error {
	fd, err := f.fd()
	if err != nil {
		return err
	}
	defer f.done(fd)
	return f.s().errno("allocate", fallocate(fd, mode, off, length))
}

// Fill implements File.
func (f *memFile) Fill(off, n int64) error {
	length := Span(off, n)
	if off < 0 || length == 0 {
		return nil
	}
	fd, err := f.fd()
	if err != nil {
		return err
	}
	defer f.done(fd)
	start := off / PageSize * PageSize
	err = populate(fd, start, length)
	if err != unix.EFAULT {
		return f.s().errno("fill", err)
	}
	st, err := fstat(fd)
	if err != nil {
		return f.s().errno("fill", err)
	}
	within := Span(start, min(st.Size-start, length))
	switch {
	case within == length:
		return unix.ENOSPC
	case within > 0 && populate(fd, start, within) != nil:
		return unix.ENOSPC
	}
	return nil
}

// Seek implements File. The descriptor's position moves, and means nothing to anybody.
func (f *memFile) Seek(off int64, whence int) (int64, error) {
	if whence != unix.SEEK_DATA && whence != unix.SEEK_HOLE {
		return 0, unix.EINVAL
	}
	fd, err := f.fd()
	if err != nil {
		return 0, err
	}
	defer f.done(fd)
	pos, err := unix.Seek(fd, off, whence)
	return pos, f.s().errno("seek", err)
}

// Missing implements File. With an error nothing counts as there.
func (f *memFile) Missing(off, n int64) int64 {
	all := Span(off, n)
	if all == 0 { // what changes content without adding to it asks, too; to cachestat no length is all
		return 0
	}
	fd, err := f.fd()
	if err != nil {
		return all
	}
	defer f.done(fd)
	if there, err := pagesWithin(fd, off/PageSize*PageSize, all); err == nil {
		return max(0, all-there*PageSize)
	}
	if hole, err := unix.Seek(fd, off, unix.SEEK_HOLE); err == nil && hole >= off+n {
		return 0
	}
	return all
}

// CopyTo implements File.
func (f *memFile) CopyTo(dst File, off, dstOff, n int64) (int64, error) {
	to, ok := dst.(*memFile)
	if !ok || to.s() != f.s() || n < 0 || to == f && overlap(off, dstOff, n) {
		return 0, unix.EINVAL
	}
	in, err := f.fd()
	if err != nil {
		return 0, err
	}
	defer f.done(in)
	out, err := to.fd()
	if err != nil {
		return 0, err
	}
	defer to.done(out)
	// What the copy itself appends to its source is no part of it.
	st, err := fstat(in)
	if err != nil {
		return 0, f.s().errno("copy", err)
	}
	n = min(n, st.Size-off)
	done, err := copyRange(in, out, off, dstOff, n)
	if done == 0 && (err == unix.EXDEV || err == unix.EOPNOTSUPP || err == unix.ENOSYS || err == unix.EINVAL) {
		return f.copyByHand(to, off, dstOff, n)
	}
	if done > 0 {
		err = nil
	}
	return done, f.s().errno("copy", err)
}

func overlap(a, b, n int64) bool { return a < b+n && b < a+n }

// copyRange copies as much as one descriptor has and the other takes.
func copyRange(in, out int, off, dstOff, n int64) (done int64, err error) {
	for done < n {
		m, err := copyFileRange(in, out, off+done, dstOff+done, n-done)
		if err != nil {
			return done, err
		}
		if m == 0 {
			break
		}
		done += int64(m)
	}
	return done, nil
}

// copyByHand is for kernels that refuse to copy.
func (f *memFile) copyByHand(to *memFile, off, dstOff, n int64) (done int64, err error) {
	buf := make([]byte, min(n, 256<<10))
	for done < n {
		want := buf[:min(n-done, int64(len(buf)))]
		got, err := f.ReadAt(want, off+done)
		if err != nil || got == 0 {
			return done, partial(done, err)
		}
		put, err := to.WriteAt(want[:got], dstOff+done)
		done += int64(put)
		if err != nil || put < got {
			return done, partial(done, err)
		}
	}
	return done, nil
}

// partial is the error of something of which that much was done.
func partial(done int64, err error) error {
	if done > 0 {
		return nil
	}
	return err
}
