package transport

import (
	"errors"
	"fmt"
	"os/exec"

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
