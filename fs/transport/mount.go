package transport

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vanishfs/fs/mounts"
)

// MountOptions is what the kernel is told of a mount beside the device. Every
// mount is nosuid and nodev.
type MountOptions struct {
	Source string // first field of /proc/mounts; default mounts.Name

	AllowOther         bool // other users may use the mount
	DefaultPermissions bool // the kernel checks modes and owners
	NoExec             bool
	RootMode           uint32 // type and permissions of the root until it is looked up; default a directory
	UID, GID           int    // the user whose mount it is
}

func (o MountOptions) withDefaults() MountOptions {
	if o.Source == "" {
		o.Source = mounts.Name
	}
	o.RootMode = o.RootMode&^unix.S_IFMT | unix.S_IFDIR
	return o
}

// parameters are the options that fuse itself parses (fs/fuse/inode.c,
// fuse_parse_param); a parameter without a value is a flag.
func (o MountOptions) parameters(dev *os.File) [][2]string {
	list := [][2]string{
		{"fd", strconv.Itoa(int(dev.Fd()))},
		{"rootmode", strconv.FormatUint(uint64(o.RootMode), 8)},
		{"user_id", strconv.Itoa(o.UID)},
		{"group_id", strconv.Itoa(o.GID)},
	}
	if o.AllowOther {
		list = append(list, [2]string{"allow_other"})
	}
	if o.DefaultPermissions {
		list = append(list, [2]string{"default_permissions"})
	}
	return list
}

// Mount mounts the connection of dev at dir. It needs CAP_SYS_ADMIN in the user
// namespace that owns the mount namespace and in which dev was opened.
func Mount(dev *os.File, dir string, o MountOptions) error {
	mnt, err := MountDetached(dev, o)
	if errors.Is(err, unix.ENOSYS) {
		return mountClassic(dev, dir, o.withDefaults())
	}
	if err != nil {
		return fmt.Errorf("mount on %s: %w", dir, err)
	}
	defer mnt.Close()
	return AttachMount(mnt, dir)
}

// MountDetached makes the mount of dev's connection without a place in any
// mount namespace: only who has mnt can reach it, and it goes with the last
// descriptor. The kernel sends INIT at once.
func MountDetached(dev *os.File, o MountOptions) (mnt *os.File, err error) {
	o = o.withDefaults()
	fsfd, err := unix.Fsopen("fuse", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("fsopen fuse: %w", err)
	}
	defer unix.Close(fsfd)
	if err := configure(fsfd, dev, o); err != nil {
		return nil, withKernelLog(fsfd, err)
	}
	fd, err := unix.Fsmount(fsfd, unix.FSMOUNT_CLOEXEC, o.attributes())
	if err != nil {
		return nil, withKernelLog(fsfd, fmt.Errorf("fsmount: %w", err))
	}
	return os.NewFile(uintptr(fd), "vanishfs mount"), nil
}

func configure(fsfd int, dev *os.File, o MountOptions) error {
	list := append([][2]string{{"source", o.Source}, {"subtype", mounts.Name}}, o.parameters(dev)...)
	for _, p := range list {
		var err error
		if p[1] == "" {
			err = unix.FsconfigSetFlag(fsfd, p[0])
		} else {
			err = unix.FsconfigSetString(fsfd, p[0], p[1])
		}
		if err != nil {
			return fmt.Errorf("mount option %s: %w", p[0], err)
		}
	}
	if err := unix.FsconfigCreate(fsfd); err != nil {
		return fmt.Errorf("fsconfig create: %w", err)
	}
	return nil
}

func (o MountOptions) attributes() int {
	attr := unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
	if o.NoExec {
		attr |= unix.MOUNT_ATTR_NOEXEC
	}
	return attr
}

// withKernelLog adds what the kernel says in words of a refused option.
func withKernelLog(fsfd int, err error) error {
	if why := mounts.Why(fsfd); why != "" {
		return fmt.Errorf("%w (%s)", err, why)
	}
	return err
}

// AttachMount gives the detached mount mnt its place at dir.
func AttachMount(mnt *os.File, dir string) error {
	err := unix.MoveMount(int(mnt.Fd()), "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH)
	if err != nil {
		return fmt.Errorf("mount on %s: %w", dir, err)
	}
	return nil
}

// mountClassic is Mount where there is no fsopen: before Linux 5.2, and under
// seccomp profiles that know nothing of it.
func mountClassic(dev *os.File, dir string, o MountOptions) error {
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV)
	if o.NoExec {
		flags |= unix.MS_NOEXEC
	}
	var words []string
	for _, p := range o.parameters(dev) {
		word := p[0]
		if p[1] != "" {
			word += "=" + p[1]
		}
		words = append(words, word)
	}
	if err := unix.Mount(o.Source, dir, mounts.Type, flags, strings.Join(words, ",")); err != nil {
		return fmt.Errorf("mount on %s: %w", dir, err)
	}
	return nil
}
