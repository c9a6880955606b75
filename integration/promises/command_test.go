package promises

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestMountErrors: each wrong use is one clear line, a documented exit code, and nothing half-mounted.
func TestMountErrors(t *testing.T) {
	u := harness.Ordinary(t)
	dir := harness.Mkdir(t, u)
	file := dir + "/file"
	check(t, "write", os.WriteFile(file, nil, 0o644))
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"mount"}, 2},
		{[]string{"mount", dir, dir}, 2},
		{[]string{"mount", "--no-such-flag", dir}, 2},
		{[]string{"no-such-command"}, 2},
		{[]string{"mount", "--size=much", dir}, 3},
		{[]string{"mount", "--size=-5", dir}, 3},
		{[]string{"mount", "--permissions=mine", dir}, 3},
		{[]string{"mount", "--remove=never", dir}, 3},
		{[]string{"mount", "--transport=pigeon", dir}, 3},
		{[]string{"mount", "--mode=999", dir}, 3},
		{[]string{"mount", dir + "/no"}, 6},
		{[]string{"mount", file}, 6},
		{[]string{"umount", dir}, 8},
		{[]string{"status", dir}, 8},
		{[]string{"once", file}, 8},
	} {
		cmd := harness.Vanishfs(u, c.args...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != c.code || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%v: exit code %d, want %d, and one line: %q", c.args, code, c.code, out)
		}
	}
	if where := harness.Mounted(dir); len(where) > 0 {
		t.Errorf("mounted all the same: %v", where)
	}
}

// TestMountBusy: a second mount on the same place is refused, the first is not disturbed.
func TestMountBusy(t *testing.T) {
	harness.OnPlanes(t, nil, func(t *testing.T, m *harness.Mount) {
		m.Sh(t, `echo kept > "$D/f"`)
		out, err := m.ShCommand(`"$VANISHFS" mount "$D"`).CombinedOutput()
		if err == nil || strings.Count(string(out), "\n") != 1 {
			t.Errorf("second mount: %v, %q", err, out)
		}
		if got := m.Sh(t, `cat "$D/f"`); got != "kept" {
			t.Errorf("the first mount holds %q", got)
		}
	})
}

// TestUmountBusy: a mount in use stays, with a hint.
func TestUmountBusy(t *testing.T) {
	harness.OnPlanes(t, nil, func(t *testing.T, m *harness.Mount) {
		out, err := m.ShCommand(`exec 3> "$D/f"; "$VANISHFS" umount "$D"`).CombinedOutput()
		if err == nil || strings.Count(string(out), "\n") != 1 {
			t.Errorf("umount of a busy mount: %v, %q", err, out)
		}
		m.Sh(t, `test -e "$D/f"`)
	})
}

// TestStatusCommand: what DIR/.vanish/status and `vanishfs status` say.
func TestStatusCommand(t *testing.T) {
	harness.OnPlanes(t, []string{"--size=64MiB", "--inodes=1000"}, func(t *testing.T, m *harness.Mount) {
		m.Sh(t, `head -c 1048576 /dev/zero > "$D/f"`)
		var s map[string]any
		check(t, "status --json is JSON", json.Unmarshal([]byte(m.Sh(t, `"$VANISHFS" status --json "$D"`)), &s))
		for key, want := range map[string]any{"size": 64.0 * mib, "used": 1.0 * mib, "inodes": 1000.0, "permissions": "owner", "remove": "session", "store": "memory"} {
			if s[key] != want {
				t.Errorf("%s is %v, want %v", key, s[key], want)
			}
		}
		for _, key := range []string{"inodes_used", "plane", "transport"} {
			if _, there := s[key]; !there {
				t.Errorf("no %s", key)
			}
		}
		if text := m.Sh(t, `"$VANISHFS" status "$D"`); !strings.Contains(text, "64 MiB") {
			t.Errorf("status: %s", text)
		}
	})
}

// TestForeground: --foreground stays until unmounted, and TERM unmounts.
func TestForeground(t *testing.T) {
	u := harness.Ordinary(t)
	for _, end := range []string{"umount", "TERM"} {
		dir := harness.Mkdir(t, u)
		cmd := harness.Vanishfs(u, "mount", "--foreground", dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, "mounted", func() bool { return len(harness.Mounted(dir)) > 0 }, func() string { return dir })
		if end == "TERM" {
			check(t, "kill", cmd.Process.Signal(unix.SIGTERM))
		} else if out, err := harness.Vanishfs(u, "umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("ended by %s: exit code %d", end, code)
		}
		harness.Eventually(t, "unmounted", func() bool { return len(harness.Mounted(dir)) == 0 }, func() string { return dir })
	}
}

// TestMountFlags: what /proc/mounts shows: always nosuid and nodev, noexec on request.
func TestMountFlags(t *testing.T) {
	harness.OnPlanes(t, []string{"--noexec"}, func(t *testing.T, m *harness.Mount) {
		line := m.Sh(t, `grep -F " $D " /proc/mounts`)
		for _, want := range []string{"fuse.vanishfs", "nosuid", "nodev", "noexec"} {
			if !strings.Contains(line, want) {
				t.Errorf("no %s in %q", want, line)
			}
		}
		out, err := m.ShCommand(`printf '#!/bin/sh\n' > "$D/s"; chmod +x "$D/s"; "$D/s"`).CombinedOutput()
		if err == nil {
			t.Errorf("a script could be executed: %s", out)
		}
	})
}

// TestMountHelper: mount(8) with tmpfs's option names, by way of the usual helper.
func TestMountHelper(t *testing.T) {
	if !harness.Root() {
		t.Log("not root: mount(8) is root's")
		return
	}
	// mount -t fuse.vanishfs runs /sbin/mount.fuse3, which runs the program named vanishfs that it finds
	// in its path; a helper of the full type name comes first. Both are tested without installing anything.
	dir := harness.Mkdir(t, harness.Current())
	link := harness.Mkdir(t, harness.Current()) + "/mount.fuse.vanishfs"
	check(t, "symlink", os.Symlink(harness.Program(), link))
	out, err := exec.Command(link, "none", dir, "-o", "rw,size=64m,nr_inodes=500,mode=1755,uid=1,gid=2,noexec,nosuid,nodev,noswap,remove=close").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	defer func() {
		out, err := exec.Command("umount", dir).CombinedOutput()
		check(t, "umount(8): "+string(out), err)
		harness.Eventually(t, "unmounted", func() bool { return len(harness.Mounted(dir)) == 0 }, func() string { return dir })
	}()
	var st unix.Stat_t
	check(t, "stat", unix.Stat(dir, &st))
	if st.Mode&0o7777 != 0o1755 || st.Uid != 1 || st.Gid != 2 {
		t.Errorf("the root is %#o, %d:%d", st.Mode, st.Uid, st.Gid)
	}
	var s map[string]any
	text, err := os.ReadFile(dir + "/.vanish/status")
	check(t, "status", err)
	check(t, "JSON", json.Unmarshal(text, &s))
	if s["size"] != 64.0*mib || s["inodes"] != 500.0 || s["remove"] != "close" {
		t.Errorf("status: %s", text)
	}
}

// TestMountDeviceDescriptor: /dev/fd/N as mount point, as systemd and container runtimes hand one over.
func TestMountDeviceDescriptor(t *testing.T) {
	if !harness.Root() {
		t.Log("not root: nobody to mount for the daemon")
		return
	}
	dev, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	dir := harness.Mkdir(t, harness.Current())
	if err := unix.Mount("vanishfs", dir, "fuse.vanishfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", dev.Fd())); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(harness.Program(), "mount", "--foreground", "/dev/fd/3")
	cmd.ExtraFiles = []*os.File{dev}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dev.Close()
	check(t, "write", os.WriteFile(dir+"/f", []byte("x"), 0o600))
	check(t, "unmount", unix.Unmount(dir, 0))
	check(t, "daemon", cmd.Wait())
}

// TestHelp: every command explains itself with an example.
func TestHelp(t *testing.T) {
	for _, name := range []string{"run", "mount", "umount", "mktemp", "keep", "once", "status", "doctor", "version"} {
		out, err := exec.Command(harness.Program(), name, "--help").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "$ vanishfs "+name) && !strings.Contains(string(out), "# vanishfs "+name) {
			t.Errorf("%s --help: %v, no example in:\n%s", name, err, out)
		}
	}
	if out, err := exec.Command(harness.Program(), "version").CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "vanishfs ") {
		t.Errorf("version: %v, %q", err, out)
	}
	out, _ := exec.Command(harness.Program(), "doctor").CombinedOutput()
	for _, want := range []string{"/dev/fuse", "passthrough", "io_uring", "user namespace"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("doctor says nothing of %s:\n%s", want, out)
		}
	}
}

// TestMissingDevice: without /dev/fuse it is one clear line and its own exit code.
func TestMissingDevice(t *testing.T) {
	if !harness.Root() {
		t.Log("not root: no way to hide /dev/fuse")
		return
	}
	dir := harness.Mkdir(t, harness.Current())
	cmd := exec.Command("unshare", "-m", "sh", "-c", `mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec "$0" mount "$1"`, harness.Program(), dir)
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 4 || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "/dev/fuse") {
		t.Errorf("exit code %d, %q", code, out)
	}
}
