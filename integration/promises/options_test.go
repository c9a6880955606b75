package promises

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// mountsToChange are a mount of each kind whose options can change, by every transport.
func mountsToChange(t *testing.T, f func(t *testing.T, m *harness.Mount)) {
	kinds := map[string][]string{"user": nil}
	if harness.Root() {
		kinds["direct"] = nil
		kinds["mediated"] = []string{"--passthrough=off"}
		kinds["counted"] = []string{"--user-size=1GiB"}
		kinds["tiered"] = []string{"--store=tiered", "--memory=4MiB"}
	}
	transports := []string{"dev"}
	if harness.Uring() {
		transports = append(transports, "uring")
	}
	for name, flags := range kinds {
		for _, via := range transports {
			t.Run(name+"/"+via, func(t *testing.T) {
				u := harness.Current()
				if name == "user" {
					u = harness.Ordinary(t)
				}
				m := harness.Start(t, u, append(flags, "--size=64MiB", "--transport="+via)...)
				if s := m.Status(t); s.Transport != via {
					t.Fatalf("it is served over %s", s.Transport)
				}
				f(t, m)
			})
		}
	}
}

// change is "vanishfs set" by the mount's user, whose exit code is to be code.
func change(t *testing.T, m *harness.Mount, code int, flags ...string) {
	t.Helper()
	cmd := harness.Vanishfs(m.User, append(append([]string{"set"}, flags...), m.Dir)...)
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("set %s: exit code %d, want %d: %s", strings.Join(flags, " "), got, code, out)
	}
}

// TestChangesAllOrNothing: if one of several changes is refused, none is made.
func TestChangesAllOrNothing(t *testing.T) {
	mountsToChange(t, func(t *testing.T, m *harness.Mount) {
		m.Sh(t, `head -c 6M /dev/zero > "$D/six"; for i in 1 2 3 4; do : > "$D/$i"; done`)
		before := m.Status(t)
		for _, flags := range [][]string{
			{"--size=4MiB", "--inodes=100", "--linger=1h"},
			{"--size=128MiB", "--inodes=3", "--remove=close"},
			{"--size=8MiB", "--inodes=3", "--max-idle=1h"},
		} {
			change(t, m, 7, flags...)
			if after := m.Status(t); !maps.Equal(before.Options, after.Options) || before.Size != after.Size || before.Inodes != after.Inodes {
				t.Errorf("set %v was refused and left %+v", flags, after)
			}
		}
		m.Sh(t, `head -c 58M /dev/zero > "$D/rest"`) // the old limit, exactly
		if err := writeMore(t, m, "rest"); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("past the old limit: %v", err)
		}
		change(t, m, 0, "--size=80MiB", "--inodes=100", "--linger=1h")
		want := map[string]string{"size": "83886080", "inodes": "100", "linger": "1h0m0s"}
		for name, value := range m.Status(t).Options {
			if w, changed := want[name]; !changed {
				w = before.Options[name]
				if w != value {
					t.Errorf("%s became %s", name, value)
				}
			} else if w != value {
				t.Errorf("%s is %s, want %s", name, value, w)
			}
		}
		m.Sh(t, `head -c 16M /dev/zero >> "$D/rest"`)
		if err := writeMore(t, m, "rest"); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("past the new limit: %v", err)
		}
	})
}

// writeMore appends a page to a file, as the mount's user.
func writeMore(t *testing.T, m *harness.Mount, name string) (err error) {
	t.Helper()
	m.Do(t, func() {
		var fd int
		fd, err = unix.Open(m.Dir+"/"+name, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return
		}
		defer unix.Close(fd)
		_, err = unix.Write(fd, make([]byte, 4096))
	})
	return err
}

// TestChangesOfRemoval: what removes files can change, for new files and for directories that are there already.
func TestChangesOfRemoval(t *testing.T) {
	mountsToChange(t, func(t *testing.T, m *harness.Mount) {
		m.Sh(t, `mkdir "$D/d" "$D/own"; "$VANISHFS" keep "$D/own"; : > "$D/d/before"`)
		change(t, m, 0, "--remove=close")
		m.Sh(t, `cd "$D"; : > d/gone; : > gone; : > own/stays; mkdir d/new; : > d/new/gone; exec 3< d/before; exec 3<&-`)
		m.Sh(t, `cd "$D"; test ! -e d/gone; test ! -e gone; test ! -e d/new/gone; test -e own/stays; test -e d/before`)
		change(t, m, 0, "--linger=1h")
		m.Sh(t, `cd "$D"; : > lingers; test -e lingers`)
		change(t, m, 0, "--remove=session", "--linger=0")
		m.Sh(t, `cd "$D"; : > d/stays; : > d/new/stays; test -e d/stays; test -e d/new/stays`)

		m.Sh(t, `mkdir "$D/e"; : > "$D/e/idle"`)
		used := m.Status(t).InodesUsed
		change(t, m, 0, "--max-idle=50ms")
		// By the count, as to look for a name is to use its directory: e, idle and lingers go. What the kernel remembers as
		// missing in d may keep it.
		harness.Eventually(t, "what was idle is gone", func() bool { return m.Status(t).InodesUsed <= used-3 },
			func() string { return m.Sh(t, `ls -R "$D"`) })
		harness.Eventually(t, "these are gone", func() bool {
			return m.ShCommand(`! test -e "$D/e" && ! test -e "$D/lingers"`).Run() == nil
		}, func() string { return m.Sh(t, `ls -R "$D"`) })
		m.Sh(t, `test -e "$D/own/stays"`)
		change(t, m, 0, "--max-idle=0")
		m.Sh(t, `: > "$D/f"; test -e "$D/f"`)
	})
}

// TestChangesOfFileSize: for what is written from then on; where the kernel goes straight to the bytes it cannot
// be switched on, and the refusal says so.
func TestChangesOfFileSize(t *testing.T) {
	mountsToChange(t, func(t *testing.T, m *harness.Mount) {
		m.Sh(t, `head -c 1M /dev/zero > "$D/f"`)
		if m.Status(t).Plane == "direct" {
			change(t, m, 3, "--file-size=1MiB", "--size=32MiB")
			if s := m.Status(t); s.FileSize != 0 || s.Size != 64*mib {
				t.Errorf("refused, but %+v", s)
			}
			change(t, m, 0, "--file-size=0", "--size=32MiB")
			return
		}
		fd := -1
		m.Do(t, func() {
			var err error
			fd, err = unix.Open(m.Dir+"/f", unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0)
			check(t, "open", err)
		})
		defer unix.Close(fd)
		change(t, m, 0, "--file-size=1MiB")
		if _, err := unix.Write(fd, make([]byte, 4096)); !errors.Is(err, unix.EFBIG) {
			t.Errorf("by a descriptor that was open before: %v", err)
		}
		change(t, m, 0, "--file-size=2MiB")
		if _, err := unix.Write(fd, make([]byte, 4096)); err != nil {
			t.Errorf("below the new limit: %v", err)
		}
		change(t, m, 0, "--file-size=0")
		m.Sh(t, `head -c 3M /dev/zero >> "$D/f"`)
	})
}

// TestChangesOfUserLimits: they hold for who has files already and for who has none yet, and are all or nothing.
func TestChangesOfUserLimits(t *testing.T) {
	if !harness.Root() {
		t.Log("not root: limits of several users are not tested")
		return
	}
	for _, via := range []string{"dev", "uring"} {
		if via == "uring" && !harness.Uring() {
			continue
		}
		t.Run(via, func(t *testing.T) {
			m := harness.Start(t, harness.Current(), "--allow-other", "--size=64MiB", "--user-size=4MiB", "--session=sid", "--session-size=3MiB", "--transport="+via)
			alice := harness.Ordinary(t)
			// upTo says how much of 32 MiB a new session of the user's gets, all told; the file outlives it.
			upTo := func(u harness.User, name string) (size int64) {
				script := `dd if=/dev/zero of="$0" bs=1M count=32 status=none 2> /dev/null; stat -c %s "$0"; "$1" keep "$0"`
				out, err := u.As(exec.Command("setsid", "-w", "sh", "-c", script, m.Dir+"/"+name, harness.Program())).Output()
				check(t, "write in a session", err)
				_, err = fmt.Sscan(string(out), &size)
				check(t, "size", err)
				return size
			}
			for _, c := range []struct {
				flags  []string
				code   int
				expect int64 // what a session gets of a user who has nothing
			}{
				{nil, 0, 3 * mib},
				{[]string{"--session-size=2MiB"}, 0, 2 * mib},
				{[]string{"--session-size=0"}, 0, 4 * mib},
				{[]string{"--user-size=6MiB"}, 0, 6 * mib},
				{[]string{"--user-size=0"}, 0, 32 * mib},
				{[]string{"--user-size=5MiB", "--session-size=1MiB"}, 0, 1 * mib},
			} {
				if c.flags != nil {
					change(t, m, c.code, c.flags...)
				}
				if got := upTo(alice, "a"); got != c.expect {
					t.Errorf("after %v a session of a user gets %d, want %d", c.flags, got, c.expect)
				}
				m.Sh(t, `rm -f "$D/a"`)
				waitUsed(t, m, 0)
			}
			// A user who has more than the new limit keeps it from coming, and every other change with it.
			change(t, m, 0, "--session-size=0", "--user-size=6MiB")
			if got := upTo(alice, "a"); got != 6*mib {
				t.Errorf("a session gets %d", got)
			}
			before := m.Status(t).Options
			change(t, m, 7, "--user-size=5MiB", "--size=32MiB", "--inodes=50", "--linger=1s")
			if after := m.Status(t).Options; !maps.Equal(before, after) {
				t.Errorf("%v became %v", before, after)
			}
			if got := upTo(alice, "a"); got != 6*mib {
				t.Errorf("after a refusal a user gets %d", got)
			}
		})
	}
}

// TestWhoMayChangeOptions: who may remount, as with a tmpfs, and not whose the top directory is.
func TestWhoMayChangeOptions(t *testing.T) {
	if !harness.Root() {
		t.Log("not root: nobody else has a mount that this user could reach")
		return
	}
	alice := harness.Ordinary(t)
	// A tmpfs first: neither is it hers to remount.
	tmpfs := harness.Mkdir(t, harness.Current())
	check(t, "mount tmpfs", unix.Mount("none", tmpfs, "tmpfs", 0, fmt.Sprintf("size=1m,uid=%d", alice.UID)))
	t.Cleanup(func() { unix.Unmount(tmpfs, unix.MNT_DETACH) })
	harness.AsUser(t, alice, func() {
		if err := unix.Mount("none", tmpfs, "tmpfs", unix.MS_REMOUNT, "size=0"); !errors.Is(err, unix.EPERM) {
			t.Errorf("the owner remounts a tmpfs: %v", err)
		}
	})

	m := harness.Start(t, harness.Current(), "--allow-other", "--size=64MiB", "--uid="+strconv.Itoa(alice.UID), "--mode=777")
	before := m.Status(t).Options
	names := []string{"options", "size", "inodes", "file-size", "user-size", "linger", "max-idle", "nonsense"}
	harness.AsUser(t, alice, func() {
		for _, name := range names {
			if err := unix.Setxattr(m.Dir, "user.vanish."+name, []byte("0"), 0); !errors.Is(err, unix.EPERM) {
				t.Errorf("the owner sets %s: %v", name, err)
			}
		}
	})
	for name, prefix := range map[string][]string{
		"no_new_privs":                    {"setpriv", "--no-new-privs", fmt.Sprint("--reuid=", alice.UID), "--clear-groups"},
		"root without CAP_SYS_ADMIN":      {"setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"},
		"root of a user namespace":        {"unshare", "--user", "--map-root-user"},
		"the owner, in his own namespace": {"setpriv", fmt.Sprint("--reuid=", alice.UID), "--clear-groups", "unshare", "--user", "--map-root-user"},
		// A file server keeps its capabilities when it acts for a user.
		"a server for the owner": {"python3", "-c", fmt.Sprintf(`import ctypes, os, sys
ctypes.CDLL(None).setfsuid(%d)
for name in "user.vanish.options", "trusted.vanish.options":
    try: os.setxattr(sys.argv[-1], name, b"size=0"); sys.exit(name)
    except PermissionError: pass
sys.exit(5)`, alice.UID), "--"},
	} {
		cmd := exec.Command(prefix[0], append(prefix[1:], harness.Program(), "set", "--size=0", m.Dir)...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 5 {
			t.Errorf("%s: exit code %d: %s", name, code, out)
		}
	}
	if after := m.Status(t).Options; !maps.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
	for name, prefix := range map[string][]string{"root": {"env"}, "root in a pid namespace": {"unshare", "--pid", "--fork"}} {
		cmd := exec.Command(prefix[0], append(prefix[1:], harness.Program(), "set", "--size=32MiB", m.Dir)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		change(t, m, 0, "--size=64MiB")
	}
}

// TestRemountOfUser: an ordinary user changes his own mount, also where he has made it out of his sight.
func TestRemountOfUser(t *testing.T) {
	m := harness.Start(t, harness.Ordinary(t), "--size=8MiB")
	change(t, m, 0, "--size=16MiB", "--inodes=50")
	if s := m.Status(t); s.Size != 16*mib || s.Inodes != 50 {
		t.Errorf("got %+v", s)
	}
	m.Sh(t, `mkdir "$D/d"; cd "$D/d"; "$VANISHFS" set --size 32MiB .; "$VANISHFS" mount -o remount,size=48m,inodes=50 "$D"`)
	if s := m.Status(t); s.Size != 48*mib || s.Inodes != 50 {
		t.Errorf("got %+v", s)
	}
	if base := filepath.Base(m.Dir); base != "mnt" {
		t.Errorf("the mount is at %s", base)
	}
}
