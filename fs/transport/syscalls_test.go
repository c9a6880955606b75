package transport

import (
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestEverySystemCall: whatever the kernel sends for these, nothing of it is
// taken for malformed. What memFS does not have may fail otherwise.
func TestEverySystemCall(t *testing.T) { eachTransport(t, testEverySystemCall) }

func testEverySystemCall(t *testing.T, o Options) {
	fsys := newMemFS()
	fsys.put("file", "contents of the file")
	m := mount(t, fsys, o)
	path := filepath.Join(m.dir, "file")
	fd, err := unix.Open(path, unix.O_RDWR, 0)
	must(t, err)
	defer unix.Close(fd)
	dir, err := unix.Open(m.dir, unix.O_DIRECTORY, 0)
	must(t, err)
	defer unix.Close(dir)

	lock := &unix.Flock_t{Type: unix.F_WRLCK}
	var stx unix.Statx_t
	for name, call := range map[string]func() error{
		"listxattr":   func() error { _, err := unix.Listxattr(path, make([]byte, 100)); return err },
		"listxattr 0": func() error { _, err := unix.Listxattr(path, nil); return err },
		"getxattr 0":  func() error { _, err := unix.Getxattr(path, "user.name", nil); return err },
		"removexattr": func() error { return unix.Removexattr(path, "user.name") },
		"statx":       func() error { return unix.Statx(dir, "file", 0, unix.STATX_BTIME|unix.STATX_BASIC_STATS, &stx) },
		"access":      func() error { return unix.Access(path, unix.R_OK) },
		"fsync":       func() error { return unix.Fsync(fd) },
		"fsync dir":   func() error { return unix.Fsync(dir) },
		"fallocate":   func() error { return unix.Fallocate(fd, 0, 0, 4096) },
		"lseek":       func() error { _, err := unix.Seek(fd, 0, unix.SEEK_DATA); return err },
		"copy":        func() error { _, err := unix.CopyFileRange(fd, nil, fd, nil, 3, 0); return err },
		"fcntl lock":  func() error { return unix.FcntlFlock(uintptr(fd), unix.F_SETLK, lock) },
		"flock":       func() error { return unix.Flock(fd, unix.LOCK_EX) },
		"mknod":       func() error { return unix.Mknod(filepath.Join(m.dir, "fifo"), unix.S_IFIFO|0o600, 0) },
		"rename2":     func() error { return unix.Renameat2(dir, "none", dir, "other", unix.RENAME_NOREPLACE) },
		"chmod":       func() error { return unix.Chmod(path, 0o600) },
		"utimes":      func() error { return unix.UtimesNanoAt(dir, "file", nil, 0) },
		"readdir":     func() error { _, err := unix.Getdents(dir, make([]byte, 4096)); return err },
		"poll":        func() error { _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd)}}, 0); return err },
		"bmap":        func() error { _, err := unix.IoctlGetInt(fd, 1); return err }, // FIBMAP
		"long name":   func() error { return unix.Access(filepath.Join(m.dir, string(make255())), 0) },
	} {
		if err := call(); errors.Is(err, unix.EIO) {
			t.Errorf("%s: %v", name, err)
		}
	}

	must(t, unix.Setxattr(path, "user.name", []byte("abc"), 0))
	// FS_IOC_SETFLAGS has data, FS_IOC_GETFLAGS a reply of both kinds.
	flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	if err != nil || flags != 0xffffffff {
		t.Errorf("ioctl: %#x, %v", flags, err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, 0); errors.Is(err, unix.EIO) {
		t.Errorf("ioctl: %v", err)
	}
}

func make255() []byte {
	name := make([]byte, 255)
	for i := range name {
		name[i] = 'n'
	}
	return name
}
