package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"vanishfs/fs/transport"
)

// MountOptions says where and how to serve a Config.
type MountOptions struct {
	Config Config
	// Dir is the mount point, or /dev/fd/N: descriptor N is an open /dev/fuse that somebody else has mounted.
	Dir string

	home *home // the mount namespace that Dir is in
}

// Serve mounts and serves until the filesystem is unmounted or ctx ends, which
// unmounts it. ready is called once the mount answers; its error ends it too. Nothing stays mounted
// after an error. The errors of mounting are of type *Error where one of the sentinels fits.
func Serve(ctx context.Context, o MountOptions, ready func() error) error {
	if err := o.Config.Validate(); err != nil {
		return err
	}
	defer o.home.giveBack()
	var p *place
	var m *Mount
	err := o.home.inside(func() (err error) {
		if p, err = findPlace(o.Dir); err != nil {
			return err
		}
		if m, err = Start(o.Config, p.attach); err != nil {
			p.leave()
		}
		return err
	})
	if err != nil {
		return Classify(err)
	}
	p.home = o.home
	if err = m.answers(); err == nil {
		o.home.giveBack()
		err = ready()
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case <-m.Done():
			return m.Wait()
		}
	}
	p.leaveHome()
	m.Abort()
	return errors.Join(err, m.Wait())
}

// A place is where a filesystem is mounted.
type place struct {
	dir     string
	dev     *os.File // of a place that somebody else made
	mounted bool     // by us
	device  uint64   // number of the filesystem that we mounted
	home    *home    // the namespace that dir is in
}

// findPlace checks that something can be mounted at path, and clears it of what a
// dead daemon has left there.
func findPlace(path string) (*place, error) {
	switch dev, ok, err := transport.DeviceFromFD(path); {
	case ok && err != nil:
		return nil, &Error{ErrMountPoint, err}
	case ok:
		return &place{dev: dev}, nil
	}
	dir, err := clearMountPoint(path)
	return &place{dir: dir}, err
}

func (p *place) attach(o transport.MountOptions) (*os.File, error) {
	if p.dev != nil {
		return p.dev, nil
	}
	dev, err := mountAt(p.dir, o)
	if err != nil {
		return nil, err
	}
	p.mounted = true
	if p.device, err = deviceAt(p.dir); err != nil {
		transport.Unmount(p.dir, true)
		p.mounted = false
		dev.Close()
		return nil, fmt.Errorf("mount on %s: %w", p.dir, err)
	}
	return dev, nil
}

// deviceAt is the device number of the filesystem at dir. Asking for nothing else
// sends no request (fs/fuse/dir.c, fuse_update_get_attr), so nobody need serve it.
func deviceAt(dir string) (uint64, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, dir, unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_DONT_SYNC, 0, &st); err != nil {
		return 0, os.NewSyscallError("statx", err)
	}
	return unix.Mkdev(st.Dev_major, st.Dev_minor), nil
}

// mountAt mounts on dir, by ourselves where we may.
func mountAt(dir string, o transport.MountOptions) (*os.File, error) {
	if os.Geteuid() != 0 {
		return transport.Fusermount(dir, o)
	}
	dev, err := transport.OpenDevice()
	if err != nil {
		return nil, err
	}
	if err := transport.Mount(dev, dir, o); err != nil {
		dev.Close()
		return nil, err
	}
	return dev, nil
}

// answers waits until requests are answered.
func (m *Mount) answers() error {
	select {
	case <-m.server.Ready():
		return nil
	case <-m.Done():
		return errors.New("the new filesystem ended before it answered")
	}
}

// leave unmounts, lazily where it is in use. What is at the place may be somebody
// else's by now: mounted on top, or after ours was moved or lazily unmounted.
func (p *place) leave() {
	if !p.mounted {
		return
	}
	if device, err := deviceAt(p.dir); err != nil || device != p.device {
		return
	}
	if transport.Unmount(p.dir, false) != nil {
		transport.Unmount(p.dir, true)
	}
}

// leaveHome is leave from outside of the namespace. Where that is found no more, it ends, and the mount with it.
func (p *place) leaveHome() {
	if p.home == nil || !p.mounted {
		p.leave()
		return
	}
	p.home.again(func() (err error) {
		if p.dir, err = mountPointOf(p.device); err == nil {
			p.leave()
		}
		return err
	})
}
