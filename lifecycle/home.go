package lifecycle

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
)

// A home is the mount namespace of who started a daemon, which the daemon itself is not in: its mount goes with the
// last process there, as any mount does, and a daemon that stayed would be that process. It holds the namespace
// while it mounts, and looks for it again to unmount.
//
// A nil home is the namespace that this process is in.
type home struct {
	// Namespace and Root are descriptors of the namespace and of its caller's root directory; -1 once given back.
	Namespace, Root int
	// ID is the namespace's inode number.
	ID uint64
}

// initialNamespace is the inode number of the namespace that the machine has booted in, which never ends
// (include/uapi/linux/nsfs.h, MNT_NS_INIT_INO, Linux 6.18).
const initialNamespace = 0xEFFFFFF8

// lastsForever says whether the mount namespace with that number ends no earlier than this process: it is the machine's
// or that of process 1, with which all processes of a pid namespace end.
func lastsForever(id uint64) bool {
	var first unix.Stat_t
	return id == initialNamespace || unix.Stat("/proc/1/ns/mnt", &first) == nil && first.Ino == id
}

// leaveHome calls f on a thread in a namespace of its own, in which nothing is mounted that others may want to unmount, and
// tells it what it has left. h is nil where there is nothing to leave, or no right to.
func leaveHome(f func(h *home) error) error {
	h, err := takeHome()
	if err != nil || h == nil {
		return f(nil)
	}
	defer h.giveBack()
	return onThread(func() error {
		if unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS) != nil || unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") != nil {
			return f(nil)
		}
		detachMounts()
		return f(h)
	})
}

// onThread calls f on a thread that ends with it. That is never the main thread, which only ends with the
// process (runtime, mexit) and would keep the namespace that f has entered.
func onThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			defer runtime.UnlockOSThread()
			result <- onThread(f) // nobody else gets this thread meanwhile
			return
		}
		result <- f()
	}()
	return <-result
}

func takeHome() (*home, error) {
	ns, err := unix.Open("/proc/self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	h := &home{Namespace: ns, Root: -1}
	var st unix.Stat_t
	if err = unix.Fstat(ns, &st); err == nil {
		h.ID = st.Ino
		h.Root, err = unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	if err != nil || lastsForever(h.ID) {
		h.giveBack()
		return nil, err
	}
	return h, nil
}

// detachMounts leaves this thread's namespace, which nobody else is in, what a daemon looks at: processes, cgroups, CPUs.
// All else would stay mounted for as long as the daemon lives.
func detachMounts() {
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return
	}
	for _, at := range needless(mounts) {
		_ = unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) // in a user namespace, what came from above is locked and stays
	}
}

// needless are the places of what a daemon does not need, without what is mounted inside of it: that goes with it, and to
// look for it there might wait for a filesystem that does not answer.
func needless(mounts []*mountinfo.Info) (places []string) {
	gone := make(map[int]string) // where they are mounted
	for _, m := range mounts {   // a new namespace has parents first (fs/namespace.c, copy_tree)
		parent, inside := gone[m.Parent]
		if !inside && needed(m.Mountpoint) {
			continue
		}
		gone[m.ID] = m.Mountpoint
		if !inside || parent == m.Mountpoint {
			places = append(places, m.Mountpoint)
		}
	}
	slices.Reverse(places) // of several on one place the last is on top
	return places
}

func needed(at string) bool {
	for _, dir := range []string{"/proc", "/sys", "/dev"} {
		if at == dir || strings.HasPrefix(at, dir+"/") {
			return true
		}
	}
	return at == "/"
}

// giveBack lets go of the namespace.
func (h *home) giveBack() {
	if h == nil {
		return
	}
	for _, fd := range []*int{&h.Namespace, &h.Root} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

// inside calls f on a thread that is in the namespace, with its caller's root directory. What f starts is not.
func (h *home) inside(f func() error) error {
	if h == nil {
		return f()
	}
	return inNamespace(h.Namespace, func() error {
		if err := unix.Fchdir(h.Root); err != nil {
			return os.NewSyscallError("fchdir", err)
		}
		if err := unix.Chroot("."); err != nil {
			return os.NewSyscallError("chroot", err)
		}
		return f()
	})
}

// errNoHome is a namespace in which no process is found any more.
var errNoHome = errors.New("no process is left in the mount namespace")

// again is inside after giveBack: the way there is through another process that is in the namespace, and the
// root directory the namespace's own.
func (h *home) again(f func() error) error {
	pids, err := process.Numbers("/proc")
	if err != nil {
		return err
	}
	for _, pid := range pids {
		fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Ino == h.ID {
			defer unix.Close(fd)
			return inNamespace(fd, f)
		}
		unix.Close(fd)
	}
	return errNoHome
}

// inNamespace calls f on a thread of its own that has entered a mount namespace. New threads are never made
// from such a one (runtime, startTemplateThread).
func inNamespace(ns int, f func() error) error {
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		if err := unix.Setns(ns, unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter the mount namespace of who has started the daemon: %w", err)
		}
		return f()
	})
}

// mountPointOf is where the filesystem with that device number is mounted in this thread's namespace, ErrNotMountPoint
// if it is not.
func mountPointOf(device uint64) (string, error) {
	mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		here := unix.Mkdev(uint32(m.Major), uint32(m.Minor)) == device
		return !here, here
	})
	if err != nil {
		return "", err
	}
	if len(mounts) == 0 {
		return "", ErrNotMountPoint
	}
	return mounts[0].Mountpoint, nil
}
