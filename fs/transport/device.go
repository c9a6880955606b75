package transport

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const devicePath = "/dev/fuse"

var (
	// ErrNoDevice says that the kernel offers no FUSE here.
	ErrNoDevice = errors.New("there is no /dev/fuse here; load the module with: modprobe fuse (in a container: --device /dev/fuse)")
	// ErrDevicePermission says that this user may not use FUSE.
	ErrDevicePermission = errors.New("/dev/fuse may not be opened by this user; allow it with: chmod 0666 /dev/fuse (udev does so on every distribution)")
)

// OpenDevice opens an unconnected /dev/fuse. Reads of it block: it is not
// handed to the runtime's poller, which a read that is woken on the CPU of the
// caller must not go through.
func OpenDevice() (*os.File, error) {
	fd, err := unix.Open(devicePath, unix.O_RDWR|unix.O_CLOEXEC, 0)
	switch {
	case err == nil:
		return os.NewFile(uintptr(fd), devicePath), nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		return nil, ErrNoDevice
	case errors.Is(err, fs.ErrPermission):
		return nil, ErrDevicePermission
	}
	return nil, fmt.Errorf("open %s: %w", devicePath, err)
}

// DeviceFromFD takes over the open, already mounted FUSE device that a mount
// point of the form /dev/fd/N names, as mount.fuse and container runtimes pass
// it. ok is false if path is not of that form.
func DeviceFromFD(path string) (dev *os.File, ok bool, err error) {
	digits, ok := strings.CutPrefix(path, "/dev/fd/")
	if !ok {
		return nil, false, nil
	}
	fd, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return nil, false, nil
	}
	// 10, 229: Documentation/admin-guide/devices.txt.
	var st unix.Stat_t
	if err := unix.Fstat(int(fd), &st); err != nil {
		return nil, true, fmt.Errorf("%s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != unix.Mkdev(10, 229) {
		return nil, true, fmt.Errorf("%s is not an open FUSE device", path)
	}
	unix.CloseOnExec(int(fd))
	if err := unix.SetNonblock(int(fd), false); err != nil {
		return nil, true, fmt.Errorf("%s: %w", path, err)
	}
	return os.NewFile(uintptr(fd), path), true, nil
}
