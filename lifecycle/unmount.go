package lifecycle

import (
	"errors"
	"fmt"
	"os"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"vanishfs/fs/transport"
)

// Unmount ends the vanishfs at dir, which need not be served any more; lazily also one that is in
// use. Its error is ErrNotMountPoint where none is mounted exactly there.
//
// It returns when everything is given back, which is when the daemon has ended: that outlives the mount for as long as it
// takes to free what was there. It does not wait where the filesystem lives on: unmounted lazily, or mounted in another place
// or namespace as well. tell hears what it waits for, once that takes long, and lastly that it does not wait for it any more.
func Unmount(dir string, lazy bool, tell func(text string, last bool)) error {
	mount, err := findMount(dir)
	if err != nil {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	var daemon *server
	if !lazy && livesOn(mount) {
		daemon = findServer("/proc", mount)
		defer daemon.close()
	}
	err = transport.Unmount(mount.Mountpoint, lazy)
	if errors.Is(err, unix.EBUSY) {
		return &Error{ErrBusy, err}
	}
	if err == nil && daemon != nil && !livesOn(mount) {
		daemon.wait(longWait, tell)
	}
	return Classify(err)
}

// livesOn says whether a filesystem is mounted anywhere: in any namespace, or where it was unmounted lazily and is in
// use still. A fuse filesystem has a bdi by its device number (fs/fuse/inode.c, fuse_bdi_init), from the first mount to the
// last (fs/super.c, generic_shutdown_super). Without /sys it seems to be nowhere.
func livesOn(mount *mountinfo.Info) bool {
	_, err := os.Lstat(fmt.Sprintf("/sys/class/bdi/%d:%d", mount.Major, mount.Minor))
	return err == nil
}
