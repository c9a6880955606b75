package control

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/moby/sys/mountinfo"
)

// ErrNotMountPoint: no vanishfs is mounted exactly there.
var ErrNotMountPoint = errors.New("not the mount point of a vanishfs")

// mountType is the type in /proc/mounts.
const mountType = "fuse.vanishfs"

// MountPoint is the absolute path of dir if a vanishfs is mounted there,
// serving or not, and nothing above it.
func MountPoint(dir string) (string, error) {
	path, err := resolve(dir)
	if err != nil {
		return "", fmt.Errorf("%s: %w", dir, reason(err))
	}
	mounts, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(path))
	if err != nil {
		return "", fmt.Errorf("%s: %w", dir, err)
	}
	// Of several mounts on one path the last is on top.
	if len(mounts) == 0 || mounts[len(mounts)-1].FSType != mountType {
		return "", fmt.Errorf("%s: %w", dir, ErrNotMountPoint)
	}
	return path, nil
}

// resolve follows symlinks up to the mount point. The last step fails where the
// daemon is gone, or does not let this user in; then it is the place itself.
func resolve(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	path, err := filepath.EvalSymlinks(abs)
	if !errors.Is(err, syscall.ENOTCONN) && !errors.Is(err, syscall.EACCES) {
		return path, err
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", err
	}
	return filepath.Join(parent, filepath.Base(abs)), nil
}

// reason is err without a path in it that the caller did not name.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
