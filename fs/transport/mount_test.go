package transport

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"vanishfs/fs/mounts"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
}

func infoOf(t *testing.T, dir string) *mountinfo.Info {
	t.Helper()
	list, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(dir))
	must(t, err)
	if len(list) != 1 {
		t.Fatalf("%d mounts on %s", len(list), dir)
	}
	return list[0]
}

func TestMountOptions(t *testing.T) {
	needRoot(t)
	for name, mountIt := range map[string]func(*os.File, string, MountOptions) error{
		"fsopen": Mount,
		"mount": func(dev *os.File, dir string, o MountOptions) error {
			return mountClassic(dev, dir, o.withDefaults())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o := MountOptions{Source: "a source", AllowOther: true, DefaultPermissions: true, NoExec: true, UID: 7, GID: 8}
			must(t, mountIt(mustDevice(t), dir, o))
			defer Unmount(dir, true)
			info := infoOf(t, dir)
			if info.FSType != mounts.Type || info.Source != "a source" {
				t.Errorf("mounted as %s from %q", info.FSType, info.Source)
			}
			all := "," + info.Options + "," + info.VFSOptions + ","
			for _, want := range []string{"nosuid", "nodev", "noexec", "allow_other", "default_permissions", "user_id=7", "group_id=8"} {
				if !strings.Contains(all, ","+want+",") {
					t.Errorf("%s is not among %s", want, all)
				}
			}
			if err := mountIt(mustDevice(t), filepath.Join(t.TempDir(), "none"), o); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("mount on a missing directory: %v", err)
			}
		})
	}
}

// TestDetached: a mount that is attached nowhere works through its descriptor
// and goes with it.
func TestDetached(t *testing.T) {
	needRoot(t)
	fsys := newMemFS()
	fsys.put("file", "text")
	dev, err := OpenDevice()
	must(t, err)
	mnt, err := MountDetached(dev, MountOptions{})
	must(t, err)
	s, err := NewServer(dev, fsys, Options{})
	must(t, err)
	must(t, s.Handshake())
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	refusePoll(t, fmt.Sprintf("/proc/self/fd/%d", mnt.Fd()))
	got, err := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d/file", mnt.Fd()))
	if err != nil || string(got) != "text" {
		t.Errorf("read %q, %v", got, err)
	}
	must(t, mnt.Close())
	must(t, <-done)
}

func TestMountErrors(t *testing.T) {
	needRoot(t)
	dev := mustDevice(t)
	_, err := MountDetached(dev, MountOptions{Source: strings.Repeat("x", 300)})
	if err == nil {
		t.Error("a source of 300 bytes was accepted")
	}
	null, err := os.Open(os.DevNull)
	must(t, err)
	defer null.Close()
	if _, err := MountDetached(null, MountOptions{}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("mounting /dev/null: %v", err)
	}
	s, err := NewServer(dev, newMemFS(), Options{})
	must(t, err)
	if err := s.Handshake(); err == nil || !strings.Contains(err.Error(), "not mounted") {
		t.Errorf("handshake without a mount: %v", err)
	}
	if err := Unmount(t.TempDir(), false); err == nil || !strings.Contains(err.Error(), "not a mount point") {
		t.Errorf("unmount of a plain directory: %v", err)
	}
}

func TestServerOptions(t *testing.T) {
	for _, o := range []Options{{MaxWrite: 1}, {MaxWrite: 4097}, {Transport: "pigeon"}} {
		if _, err := NewServer(os.Stdin, newMemFS(), o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestDeviceFromFD(t *testing.T) {
	needRoot(t)
	for _, path := range []string{"/tmp", "/dev/fd/", "/dev/fd/x", "/dev/fd/-1"} {
		if _, ok, err := DeviceFromFD(path); ok || err != nil {
			t.Errorf("%s: %v, %v", path, ok, err)
		}
	}
	null, err := os.Open(os.DevNull)
	must(t, err)
	defer null.Close()
	for _, path := range []string{"/dev/fd/9999", fmt.Sprintf("/dev/fd/%d", null.Fd())} {
		if _, ok, err := DeviceFromFD(path); !ok || err == nil {
			t.Errorf("%s: %v, %v", path, ok, err)
		}
	}
	fd, err := unix.Open(devicePath, unix.O_RDWR|unix.O_NONBLOCK, 0)
	must(t, err)
	dev, ok, err := DeviceFromFD(fmt.Sprintf("/dev/fd/%d", fd))
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer dev.Close()
	flags, err := unix.FcntlInt(dev.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("flags %#x, %v: reads do not block", flags, err)
	}
}

// TestUnmountWhileBusy: lazily while a file is open, the connection ends with
// its last user.
func TestUnmountWhileBusy(t *testing.T) {
	fsys := newMemFS()
	fsys.put("file", "text")
	m := mount(t, fsys, Options{})
	f, err := os.Open(filepath.Join(m.dir, "file"))
	must(t, err)
	if err := Unmount(m.dir, false); !errors.Is(err, syscall.EBUSY) && (err == nil || !strings.Contains(err.Error(), "in use")) {
		t.Errorf("unmount while a file is open: %v", err)
	}
	must(t, Unmount(m.dir, true))
	buf := make([]byte, 4)
	if n, err := f.ReadAt(buf, 0); n != 4 || err != nil {
		t.Errorf("read after a lazy unmount: %d, %v", n, err)
	}
	must(t, f.Close())
	m.wait(t)
	must(t, Mount(mustDevice(t), m.dir, MountOptions{})) // for the cleanup's unmount
}
