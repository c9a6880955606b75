package tiered

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A spillFile is a Disk in a file without a name: the kernel frees it with its last descriptor,
// however the process ends.
type spillFile struct {
	f      *os.File
	direct bool // the kernel does not buffer; otherwise it is told not to keep
}

// spillPrefix starts the name that a spill file has for a moment where there is no O_TMPFILE.
const spillPrefix = ".vanishfs-spill-"

// openSpillFile makes a spill file in dir and finds out, by writing to it, whether it can be used.
func openSpillFile(dir string, log *slog.Logger) (*spillFile, error) {
	warnIfMemory(dir, log)
	f, err := openUnnamed(dir)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EINVAL) {
		f, err = openUnlinked(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("make a spill file in %s: %w (%s)", dir, err, hint(err))
	}
	d := &spillFile{f: f}
	d.setDirect(true)
	err = d.probe()
	if err != nil && d.direct && errors.Is(err, unix.EINVAL) { // blocks of this device are larger than a page
		d.setDirect(false)
		err = d.probe()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("write to a spill file in %s: %w (%s)", dir, err, hint(err))
	}
	return d, nil
}

func hint(err error) string {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return "name an existing directory with --spill-dir"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.EROFS):
		return "name a directory that you may write to with --spill-dir"
	case isFull(err):
		return "make room there, or name another directory with --spill-dir"
	}
	return "name another directory with --spill-dir"
}

// isFull says whether a Disk's error means that there is no room.
func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}

// warnIfMemory says so if spilling goes from memory to memory.
func warnIfMemory(dir string, log *slog.Logger) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return // opening the file will tell
	}
	if st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC {
		log.Warn("tiered store: the spill directory is in memory itself (name one on a disk with --spill-dir)", "dir", dir)
	}
}

func openUnnamed(dir string) (*os.File, error) {
	return os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE|unix.O_EXCL, 0o600)
}

// openUnlinked is for filesystems without O_TMPFILE. A process that is killed between its two
// steps leaves an empty file, which the next one removes.
func openUnlinked(dir string) (*os.File, error) {
	removeLeftovers(dir)
	name := filepath.Join(dir, spillPrefix+rand.Text())
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, unix.ENOENT) { // somebody else's removeLeftovers
		f.Close()
		return nil, err
	}
	return f, nil
}

func removeLeftovers(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // creating the file will tell
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), spillPrefix) {
			os.Remove(filepath.Join(dir, e.Name())) // not ours: not permitted
		}
	}
}

// setDirect switches to direct I/O, so that spilled data does not fill the page cache instead; where
// that is refused, or with false, the kernel buffers but reads nothing ahead.
func (d *spillFile) setDirect(on bool) {
	fd := d.f.Fd()
	flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
	if err == nil && on {
		_, err = unix.FcntlInt(fd, unix.F_SETFL, flags|unix.O_DIRECT)
	} else if err == nil {
		_, err = unix.FcntlInt(fd, unix.F_SETFL, flags&^unix.O_DIRECT)
	}
	d.direct = on && err == nil
	if !d.direct {
		unix.Fadvise(int(fd), 0, 0, unix.FADV_RANDOM)
	}
}

// probe writes and reads a page.
func (d *spillFile) probe() error {
	buf, err := newArena(1)
	if err != nil {
		return err
	}
	defer buf.close()
	if _, err := d.WriteAt(buf.page(0), 0); err != nil {
		return err
	}
	if _, err := d.ReadAt(buf.page(0), 0); err != nil {
		return err
	}
	return d.Truncate(0)
}

func (d *spillFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := d.f.ReadAt(p, off)
	if !d.direct {
		d.forget(off, len(p))
	}
	return n, err
}

// WriteAt returns when the data is with the device, not merely with the kernel: that is what makes
// writers wait for a slow disk, and keeps the kernel's buffers small.
func (d *spillFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := d.f.WriteAt(p, off)
	if err != nil || d.direct {
		return n, err
	}
	const all = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	if err := unix.SyncFileRange(int(d.f.Fd()), off, int64(len(p)), all); err != nil {
		return 0, err
	}
	d.forget(off, len(p))
	return n, nil
}

// forget asks the kernel not to keep a range in its page cache. It is advice.
func (d *spillFile) forget(off int64, n int) {
	unix.Fadvise(int(d.f.Fd()), off, int64(n), unix.FADV_DONTNEED)
}

func (d *spillFile) Punch(off, n int64) error {
	return unix.Fallocate(int(d.f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
}

func (d *spillFile) Truncate(size int64) error { return d.f.Truncate(size) }

func (d *spillFile) Free() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(d.f.Fd()), &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}

func (d *spillFile) Close() error { return d.f.Close() }
