package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/fs/transport"
)

const deadline = 20 * time.Second

func TestMain(m *testing.M) {
	ChildMain()
	os.Exit(m.Run())
}

// needFUSE skips where nothing can be mounted, and says so.
func needFUSE(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	dev, err := transport.OpenDevice()
	if err != nil {
		t.Skip(err)
	}
	dev.Close()
}

// nobody listens to Unmount.
func nobody(string, bool) {}

// await waits for a condition that comes true by itself.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); !condition(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", deadline, what)
		}
	}
}

func isMounted(dir string) bool {
	var at, above unix.Stat_t
	if err := unix.Lstat(dir, &at); err != nil {
		return errors.Is(err, unix.ENOTCONN) || errors.Is(err, unix.ECONNABORTED) // a dead one is one too
	}
	return unix.Lstat(filepath.Dir(dir), &above) == nil && at.Dev != above.Dev
}

// mountInBackground mounts at a new directory and returns it with the daemon's pid.
func mountInBackground(t *testing.T, c Config) (dir string, pid int) {
	t.Helper()
	needFUSE(t)
	dir = t.TempDir()
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	if err := Daemonize(MountOptions{Config: c, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	return dir, daemonOf(t, dir)
}

func daemonOf(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, ".vanish/status"))
	if err != nil {
		t.Fatal(err)
	}
	var status struct{ PID int }
	if err := json.Unmarshal(text, &status); err != nil {
		t.Fatal(err)
	}
	return status.PID
}

func ended(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

func TestDaemonServesUntilUnmounted(t *testing.T) {
	dir, pid := mountInBackground(t, Config{Size: 1 << 20})
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("text"), 0o666); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "x"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info, err)
	}
	fds, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		target, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "fd", fd.Name()))
		if n := fd.Name(); (n == "0" || n == "1" || n == "2") && target != "/dev/null" {
			t.Errorf("the daemon has %s open as %s", target, n)
		}
	}
	if err := Unmount(dir, false, nobody); err != nil {
		t.Fatal(err)
	}
	await(t, "the daemon ends", func() bool { return ended(pid) })
	if isMounted(dir) {
		t.Error("something is still mounted")
	}
}

func TestBusy(t *testing.T) {
	dir, _ := mountInBackground(t, Config{})
	if err := Daemonize(MountOptions{Dir: dir}); !errors.Is(err, ErrBusy) {
		t.Errorf("a second mount at the same place: %v, want ErrBusy", err)
	}
}

func TestStaleMountIsReplaced(t *testing.T) {
	dir, pid := mountInBackground(t, Config{})
	if err := os.WriteFile(filepath.Join(dir, "old"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	await(t, "the daemon ends", func() bool { return ended(pid) })
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := Daemonize(MountOptions{Dir: link}); err != nil {
		t.Fatalf("mount over a stale one, by a symlink: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "old")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file of the dead daemon: %v", err)
	}
	if err := unix.Unmount(dir, 0); err != nil {
		t.Fatal(err)
	}
	if isMounted(dir) {
		t.Error("the stale mount is still there, below the new one")
	}
}

// A mount whose daemon has just been killed, or does not answer, can be unmounted.
func TestUnmountAsksNoDaemon(t *testing.T) {
	for range 20 {
		dir, pid := mountInBackground(t, Config{})
		syscall.Kill(pid, syscall.SIGKILL)
		if err := Unmount(dir, false, nobody); err != nil {
			t.Fatal(err)
		}
		if isMounted(dir) {
			t.Fatal("still mounted")
		}
	}
	dir, pid := mountInBackground(t, Config{})
	syscall.Kill(pid, syscall.SIGSTOP)
	defer syscall.Kill(pid, syscall.SIGKILL)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- Unmount(link, false, nobody) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(deadline):
		t.Error("waits for a daemon that is stopped")
	}
}

func TestUnmountRefuses(t *testing.T) {
	for _, path := range []string{"/proc", t.TempDir(), "/"} {
		if err := Unmount(path, false, nobody); !errors.Is(err, ErrNotMountPoint) {
			t.Errorf("Unmount(%q): %v", path, err)
		}
	}
	for _, path := range []string{"", filepath.Join(t.TempDir(), "missing"), filepath.Join(t.TempDir(), "missing", "x")} {
		if err := Unmount(path, false, nobody); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Unmount(%q): %v", path, err)
		}
	}
}

func TestSignalUnmountsEvenInUse(t *testing.T) {
	dir, pid := mountInBackground(t, Config{})
	f, err := os.Create(filepath.Join(dir, "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	syscall.Kill(pid, syscall.SIGTERM)
	await(t, "the daemon ends", func() bool { return ended(pid) })
	if isMounted(dir) {
		t.Error("still mounted")
	}
	if _, err := f.WriteString("x"); err == nil {
		if err := f.Sync(); err == nil {
			t.Error("an open file outlived the daemon")
		}
	}
}

// What was mounted at the same place later is not the daemon's to take away.
func TestSignalSparesOthersMounts(t *testing.T) {
	for name, cover := range map[string]func(t *testing.T, dir string){
		"on top": func(t *testing.T, dir string) {
			if err := unix.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
				t.Fatal(err)
			}
		},
		"instead": func(t *testing.T, dir string) {
			if err := Unmount(dir, true, nobody); err != nil {
				t.Fatal(err)
			}
			if err := Daemonize(MountOptions{Dir: dir}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, pid := mountInBackground(t, Config{})
			f, err := os.Create(filepath.Join(dir, "x")) // keeps the daemon
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			cover(t, dir)
			mine := filepath.Join(dir, "mine")
			if err := os.WriteFile(mine, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			syscall.Kill(pid, syscall.SIGTERM)
			await(t, "the daemon ends", func() bool { return ended(pid) })
			if _, err := os.Stat(mine); err != nil {
				t.Errorf("the other mount: %v", err)
			}
			unix.Unmount(dir, unix.MNT_DETACH) // the cleanup takes the one below
		})
	}
}

func TestMountPoints(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", "/", file, loop, "/no/such/directory", "/dev/fd/99999"} {
		if err := Daemonize(MountOptions{Dir: dir}); !errors.Is(err, ErrMountPoint) {
			t.Errorf("%q: got %v, want ErrMountPoint", dir, err)
		}
	}
}

// The daemon never waits for its own answer: killed then, it could not end.
func TestDaemonAsksNothingOfItself(t *testing.T) {
	needFUSE(t)
	for range 10 {
		dir, done := t.TempDir(), make(chan error, 1)
		go func() { done <- Daemonize(MountOptions{Dir: dir}) }()
		for err, over := error(nil), false; !over; {
			select {
			case err = <-done:
				over = true
			default:
			}
			if err != nil {
				t.Fatal(err)
			}
			calls, _ := filepath.Glob("/proc/self/task/*/children")
			for _, path := range calls {
				text, _ := os.ReadFile(path)
				for _, child := range strings.Fields(string(text)) {
					if callsStatfs(child) {
						t.Errorf("the daemon %s asks for statfs", child)
					}
				}
			}
		}
		if err := unix.Unmount(dir, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// callsStatfs says whether a thread of the process is in that system call.
func callsStatfs(pid string) bool {
	threads, _ := filepath.Glob("/proc/" + pid + "/task/*/syscall")
	for _, path := range threads {
		text, _ := os.ReadFile(path)
		if number, _, _ := strings.Cut(string(text), " "); number == strconv.Itoa(unix.SYS_STATFS) {
			return true
		}
	}
	return false
}

// The limit of who mounts is not that of everybody's files.
func TestFileLimitOfMounter(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 64 << 10, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Setrlimit(unix.RLIMIT_FSIZE, &before) })
	dir, _ := mountInBackground(t, Config{Size: 1 << 20, Passthrough: "off"})
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), make([]byte, 512<<10), 0o600); err != nil {
		t.Error(err)
	}
}

// A mount point is bytes, not text.
func TestMountPointNotUTF8(t *testing.T) {
	needFUSE(t)
	dir := filepath.Join(t.TempDir(), "\xff")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Daemonize(MountOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Unmount(dir, 0); err != nil {
		t.Error(err)
	}
}

// Where the caller's directory has no name, a relative path leads nowhere: not to the daemon's directory.
func TestMountPointBelowNowhere(t *testing.T) {
	needFUSE(t)
	back, err := os.Open(".")
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	defer back.Chdir()
	nowhere := t.TempDir()
	if err := errors.Join(os.Chdir(nowhere), os.Remove(nowhere)); err != nil {
		t.Fatal(err)
	}
	root, err := os.MkdirTemp("/", "vanishfs-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(root)
	if err := Daemonize(MountOptions{Dir: filepath.Base(root)}); !errors.Is(err, ErrMountPoint) {
		t.Errorf("got %v, want ErrMountPoint", err)
	}
	if isMounted(root) {
		t.Errorf("%s is mounted", root)
		unix.Unmount(root, unix.MNT_DETACH)
	}
}

// What somebody else has mounted is served, and left mounted.
func TestForeignDevice(t *testing.T) {
	needFUSE(t)
	dir := t.TempDir()
	dev, err := transport.OpenDevice()
	if err != nil {
		t.Fatal(err)
	}
	if err := transport.Mount(dev, dir, transport.MountOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	fd, err := unix.Dup(int(dev.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	dev.Close()
	ctx, stop := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan struct{})
	go func() {
		done <- Serve(ctx, MountOptions{Dir: "/dev/fd/" + strconv.Itoa(fd)}, func() error { close(ready); return nil })
	}()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !isMounted(dir) {
		t.Error("a mount of somebody else was unmounted")
	}
}

// A caller who cannot be told that the mount is ready does not get one.
func TestNotReadyIsNotMounted(t *testing.T) {
	needFUSE(t)
	dir, gone := t.TempDir(), errors.New("the caller is gone")
	err := Serve(context.Background(), MountOptions{Dir: dir}, func() error {
		if !isMounted(dir) {
			t.Error("ready without a mount")
		}
		return gone
	})
	if !errors.Is(err, gone) || isMounted(dir) {
		t.Errorf("got %v, mounted %v", err, isMounted(dir))
	}
}
