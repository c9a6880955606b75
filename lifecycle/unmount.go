package lifecycle

import (
	"errors"
	"fmt"

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
	before := instanceOf(mount)
	if !lazy && before != 0 {
		daemon = findServer("/proc", mount)
		defer daemon.close()
	}
	err = transport.Unmount(mount.Mountpoint, lazy)
	if errors.Is(err, unix.EBUSY) {
		return &Error{ErrBusy, err}
	}
	if err == nil && daemon != nil && instanceOf(mount) != before {
		daemon.wait(longWait, tell)
	}
	return Classify(err)
}

// instanceOf is a number of the filesystem for as long as it is mounted anywhere: in any namespace, or where it was unmounted
// lazily and is in use still; 0 afterwards. A fuse filesystem has a bdi by its device number (fs/fuse/inode.c, fuse_bdi_init)
// from the first mount to the last (fs/super.c, generic_shutdown_super). The next filesystem may get that number at once, but
// the directory in /sys is another then (fs/kernfs/dir.c, __kernfs_new_node). Always 0 without /sys.
func instanceOf(mount *mountinfo.Info) (inode uint64) {
	var st unix.Stat_t
	if unix.Stat(fmt.Sprintf("/sys/class/bdi/%d:%d", mount.Major, mount.Minor), &st) != nil {
		return 0
	}
	return st.Ino
}
