package store

import "golang.org/x/sys/unix"

// System calls, made again when a signal of the Go runtime interrupts them.

func openat(dir int, name string, flags int) (fd int, err error) {
	for {
		if fd, err = unix.Openat(dir, name, flags, 0o600); err != unix.EINTR {
			return fd, err
		}
	}
}

func pread(fd int, p []byte, off int64) (n int, err error) {
	for {
		if n, err = unix.Pread(fd, p, off); err != unix.EINTR {
			return n, err
		}
	}
}

func pwrite(fd int, p []byte, off int64) (n int, err error) {
	for {
		if n, err = unix.Pwrite(fd, p, off); err != unix.EINTR {
			return n, err
		}
	}
}

func ftruncate(fd int, size int64) (err error) {
	for {
		if err = unix.Ftruncate(fd, size); err != unix.EINTR {
			return err
		}
	}
}

func fallocate(fd int, mode uint32, off, length int64) (err error) {
	for {
		if err = unix.Fallocate(fd, mode, off, length); err != unix.EINTR {
			return err
		}
	}
}

func copyFileRange(in, out int, off, dstOff, n int64) (m int, err error) {
	for {
		// At most 1 GiB at a time, to fit an int and to stay interruptible.
		if m, err = unix.CopyFileRange(in, &off, out, &dstOff, int(min(n, 1<<30)), 0); err != unix.EINTR {
			return m, err
		}
	}
}

// pagesWithin is how many pages of a tmpfs file there are in a range, in memory or swapped out
// (mm/filemap.c, filemap_cachestat). Linux 6.5; ENOSYS before.
func pagesWithin(fd int, off, n int64) (int64, error) {
	var st unix.Cachestat_t
	err := unix.Cachestat(uint(fd), &unix.CachestatRange{Off: uint64(off), Len: uint64(n)}, &st, 0)
	return int64(st.Cache + st.Evicted), err
}

func fstat(fd int) (st unix.Stat_t, err error) {
	err = unix.Fstat(fd, &st)
	return st, err
}

func fstatat(dir int, name string) (st unix.Stat_t, err error) {
	err = unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

// futimens sets times; Omit leaves one.
func futimens(fd int, atime, mtime Time) error {
	ts := [2]unix.Timespec{timespec(atime), timespec(mtime)}
	return unix.UtimesNanoAt(fd, "", ts[:], unix.AT_EMPTY_PATH)
}

func timespec(t Time) unix.Timespec {
	sec, nsec := t.Unix()
	return unix.Timespec{Sec: sec, Nsec: int64(nsec)}
}

func timeOf(ts unix.Timespec) Time { return TimeOf(ts.Sec, uint32(ts.Nsec)) }

// soleOpener says whether nobody but fd's owner has the file open or mapped. A write lease
// is granted only then (fs/locks.c, check_conflicting_open), and given back at once.
func soleOpener(fd int) bool {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		return false
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
	return err == nil
}

// closeFD closes a descriptor that nothing was written through to a device: no error says anything.
func closeFD(fd int) { _ = unix.Close(fd) }
