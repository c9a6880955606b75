package transport

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Unmount unmounts dir: itself where it may, else through fusermount3, which
// lets a user unmount what is his. A lazy unmount takes the mount out of the
// tree at once and ends it with its last user.
func Unmount(dir string, lazy bool) error {
	flags := unix.UMOUNT_NOFOLLOW
	if lazy {
		flags |= unix.MNT_DETACH
	}
	err := unix.Unmount(dir, flags)
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EPERM) {
		err = fusermountUnmount(dir, lazy)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("unmount %s: %w; see who uses it with: fuser -vm %s", dir, err, dir)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("unmount %s: it is not a mount point", dir)
	}
	return fmt.Errorf("unmount %s: %w", dir, err)
}

func fusermountUnmount(dir string, lazy bool) error {
	helper, err := fusermountPath()
	if err != nil {
		return err
	}
	args := []string{"-u"}
	if lazy {
		args = append(args, "-z")
	}
	return runHelper(exec.Command(helper, append(args, "--", dir)...))
}

// IsStale says whether a vanishfs is mounted on dir whose daemon is gone.
func IsStale(dir string) bool {
	var st unix.Statfs_t // never answered by the kernel alone (fs/fuse/inode.c, fuse_statfs)
	if err := unix.Statfs(dir, &st); !errors.Is(err, unix.ENOTCONN) {
		return false
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	// Of several mounts on one place the last one is seen.
	mounts, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(dir))
	return err == nil && len(mounts) > 0 && mounts[len(mounts)-1].FSType == "fuse."+defaultName
}
