package store

import "golang.org/x/sys/unix"

// times of a backing file. Its ctime, ns since the epoch, is the clock's, which int64 can hold
// (include/linux/time64.h, TIME_SETTOD_SEC_MAX).
type times struct {
	atime, mtime Time
	ctime        int64
}

func timesOf(st *unix.Stat_t) times {
	return times{timeOf(st.Atim), timeOf(st.Mtim), st.Ctim.Nano()}
}

// Attr implements File.
func (f *memFile) Attr() (Attr, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.opens > 0 {
		if err := f.refreshLocked(f.h.Load()); err != nil {
			return Attr{}, err
		}
	}
	return Attr{f.size, f.blocks, f.atime, f.mtime, Nanos(f.ctime)}, nil
}

// refreshLocked brings attr up to date with the backing file of an open file.
func (f *memFile) refreshLocked(h *handle) error {
	if h.fresh.Load() {
		return nil
	}
	st, err := f.stat(h)
	if err != nil {
		return f.s().errno("stat", err)
	}
	f.size, f.blocks = st.Size, st.Blocks
	f.observeLocked(h, timesOf(&st))
	return nil
}

// observeLocked takes those times of the backing file that moved since it was last looked at.
// The backing file's own times are not the file's until then: a recycled backing file was made
// before the file was, and what SetTimes does to a closed file is not there yet.
func (f *memFile) observeLocked(h *handle, now times) {
	if now.atime != h.base.atime {
		f.atime = now.atime
	}
	if now.mtime != h.base.mtime {
		f.mtime = now.mtime
	}
	if now.ctime != h.base.ctime {
		f.ctime = now.ctime
	}
	h.base = now
}

// SetTimes implements File. Those of a closed file reach the backing file when it is opened.
func (f *memFile) SetTimes(atime, mtime Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if atime == Omit && mtime == Omit {
		return nil
	}
	if f.opens > 0 {
		if err := f.setLiveTimesLocked(atime, mtime); err != nil {
			return err
		}
	} else {
		f.ctime = CoarseNow()
		f.dirty = true
	}
	if atime != Omit {
		f.atime = atime
	}
	if mtime != Omit {
		f.mtime = mtime
	}
	return nil
}

// setLiveTimesLocked goes to the backing file at once, which then moves them on by itself.
func (f *memFile) setLiveTimesLocked(atime, mtime Time) error {
	fd, err := f.fd()
	if err != nil {
		return err
	}
	defer f.done(fd)
	if err := futimens(fd, atime, mtime); err != nil {
		return f.s().errno("set times", err)
	}
	return f.refreshLocked(f.h.Load())
}

// pushTimesLocked gives the backing file of a file that is being opened the times that were set
// meanwhile, so that relatime goes by them. Its change time cannot be set: only changes of it count.
func (f *memFile) pushTimesLocked(h *handle) {
	f.dirty = false
	fd, err := f.fd()
	if err != nil {
		return
	}
	defer f.done(fd)
	if err = futimens(fd, f.atime, f.mtime); err == nil {
		var st unix.Stat_t
		if st, err = fstat(fd); err == nil {
			h.base = timesOf(&st)
		}
	}
	f.s().errno("set times", err)
}

func (f *memFile) stat(h *handle) (unix.Stat_t, error) {
	if h.fd >= 0 {
		return fstat(h.fd)
	}
	return fstatat(f.s().tmpfs.root, backingName(f.id))
}
