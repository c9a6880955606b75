package lifecycle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"vanishfs/fs/mounts"
	"vanishfs/fs/transport"
)

const (
	// answerTime is how long a mount may take to say that it lives.
	answerTime = 5 * time.Second
	// maxLinks is how many symlinks the kernel follows (include/linux/namei.h, MAXSYMLINKS).
	maxLinks = 40
)

// followLinks makes path absolute, without symlinks up to its last element, and follows that for as
// long as it is one. look is shown each place on the way before it is asked for anything, as a dead
// or a stopped daemon may have to answer for it; who says that this is it ends the way there.
func followLinks(path string, look func(dir string) (here bool, err error)) (dir string, err error) {
	if path == "" {
		return "", unix.ENOENT
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	for range maxLinks {
		parent, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return "", err
		}
		dir = filepath.Join(parent, filepath.Base(path))
		if here, err := look(dir); here || err != nil {
			return dir, err
		}
		target, err := os.Readlink(dir)
		if err != nil {
			return dir, nil
		}
		path = target
		if !filepath.IsAbs(target) {
			path = filepath.Join(parent, target)
		}
	}
	return "", unix.ELOOP
}

// clearMountPoint makes path absolute and checks that it is a directory to
// mount on. A vanishfs whose daemon has died is taken away from there first.
func clearMountPoint(path string) (dir string, err error) {
	dir, err = followLinks(path, func(dir string) (bool, error) { return false, clearVanishfs(dir) })
	if err == nil {
		err = checkMountPoint(dir)
	}
	var known *Error
	if err != nil && !errors.As(err, &known) {
		err = &Error{ErrMountPoint, fmt.Errorf("mount point %s: %w", path, cause(err))}
	}
	return dir, err
}

// findMount is the vanishfs that is mounted at dir, serving or not, with nothing on top of it.
func findMount(dir string) (mount *mountinfo.Info, err error) {
	path, err := followLinks(dir, func(dir string) (bool, error) {
		mount, err = vanishfsAt(dir)
		return mount != nil, err
	})
	if err == nil && mount == nil {
		if _, err = os.Lstat(path); err == nil {
			return nil, ErrNotMountPoint
		}
	}
	return mount, cause(err)
}

// vanishfsAt is what the mount table has at dir if that is a vanishfs, nil otherwise.
func vanishfsAt(dir string) (*mountinfo.Info, error) {
	list, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(dir))
	if err != nil {
		return nil, fmt.Errorf("read the mount table: %w", err)
	}
	if len(list) == 0 || list[len(list)-1].FSType != mounts.Type { // of several on one place the last is on top
		return nil, nil
	}
	return list[len(list)-1], nil
}

// cause strips what was tried from err, for messages that say it themselves.
func cause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// clearVanishfs unmounts a vanishfs at dir that nobody serves any more; one that is alive is in the way.
func clearVanishfs(dir string) error {
	if mount, err := vanishfsAt(dir); mount == nil {
		return err
	}
	answer := make(chan error, 1)
	go func() { // stays behind where a daemon is stopped, until that is continued or killed
		var st unix.Statfs_t // unlike stat, never answered by the kernel alone (fs/fuse/inode.c, fuse_statfs)
		answer <- unix.Statfs(dir, &st)
	}()
	select {
	case err := <-answer:
		if errors.Is(err, unix.ENOTCONN) || errors.Is(err, unix.ECONNABORTED) {
			if err := transport.Unmount(dir, true); err != nil {
				return fmt.Errorf("take away the stale mount: %w", err)
			}
			return nil
		}
		return busy("%s: a vanishfs is mounted here already; unmount it with: vanishfs umount %s", dir, dir)
	case <-time.After(answerTime):
		return busy("%s: a vanishfs is mounted here that does not answer; "+
			"unmount it with: vanishfs umount --lazy %s", dir, dir)
	}
}

func busy(format string, args ...any) error {
	return &Error{ErrBusy, fmt.Errorf(format, args...)}
}

// checkMountPoint says why dir cannot be one. Who is not root may only hide what is his to change.
func checkMountPoint(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return cause(err)
	case !info.IsDir():
		return unix.ENOTDIR
	case dir == "/":
		// Nobody would see the mount, and umount2 of "/" makes the filesystem below read-only (fs/namespace.c, do_umount).
		return errors.New("the root directory cannot be covered")
	case os.Geteuid() == 0:
		return nil
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("not writable: %w", err)
	}
	return nil
}
