package promises

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// onMediated runs f on a new mount of every kind of which the daemon is between a mapping and the bytes, and natively.
func onMediated(t *testing.T, size string, f func(t *testing.T, dir string, u harness.User)) {
	t.Helper()
	if harness.Root() {
		t.Run("native", func(t *testing.T) {
			dir := harness.Mkdir(t, harness.Current())
			if err := unix.Mount("vanishfs-native", dir, "tmpfs", 0, "size="+strings.TrimSuffix(size, "iB")); err != nil {
				t.Fatal(err)
			}
			defer unix.Unmount(dir, unix.MNT_DETACH)
			f(t, dir, harness.Current())
		})
	}
	for _, via := range transports() {
		for _, p := range harness.Planes(t) {
			if p.Name == "direct" {
				p.Name, p.Flags = "tiered", []string{"--store=tiered", "--memory=4MiB"}
			}
			flags := append(p.Flags, "--transport="+via, "--size="+size)
			t.Run(p.Name+"/"+via, func(t *testing.T) { f(t, harness.Start(t, p.User, flags...).Dir, p.User) })
		}
		t.Run("users/"+via, func(t *testing.T) {
			if !harness.Root() {
				t.Fatal("only root mounts for several users")
			}
			m := harness.Start(t, harness.Current(), "--allow-other", "--user-size="+size, "--transport="+via)
			f(t, m.Dir, harness.Ordinary(t))
		})
	}
}

// transports are those that the kernel has.
func transports() []string {
	if harness.Uring() {
		return []string{"dev", "uring"}
	}
	return []string{"dev"}
}

// runHelper runs a helper as u and returns what it says.
func runHelper(t *testing.T, u harness.User, name string, args ...string) string {
	t.Helper()
	out, err := u.As(harness.HelperCommand(name, args...)).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// wantPages checks what map-until-fault says: the stores that succeeded, which all were kept, were just what there is room for.
func wantPages(t *testing.T, got string, bytes int) {
	t.Helper()
	if want := fmt.Sprintf("%d %[1]d", bytes/page); got != want {
		t.Errorf("pages stored to and kept: %s, want %s", got, want)
	}
}

// TestMappedExact: stores to a mapping succeed up to the cap, to the page, and what succeeded is kept.
func TestMappedExact(t *testing.T) {
	onMediated(t, "8MiB", func(t *testing.T, dir string, u harness.User) {
		wantPages(t, runHelper(t, u, "map-until-fault", dir+"/f", "16", "shown"), 8*mib)
	})
}

// TestMappedUnseen is the same where the daemon cannot see what the process has mapped.
func TestMappedUnseen(t *testing.T) {
	if !harness.Root() {
		t.Fatal("only root has the rights to take away")
	}
	u := harness.Ordinary(t)
	for _, via := range transports() {
		flags := []string{"--size=8MiB", "--passthrough=off", "--transport=" + via}
		t.Run("not dumpable/"+via, func(t *testing.T) {
			m := harness.Start(t, u, flags...)
			wantPages(t, runHelper(t, u, "map-until-fault", m.Dir+"/f", "16", "hidden"), 8*mib)
		})
		t.Run("not dumpable in run/"+via, func(t *testing.T) {
			args := append(append([]string{"run"}, flags...), "--")
			cmd := harness.Vanishfs(u, append(args, harness.HelperArgs("map-until-fault", "/tmp/f", "16", "hidden")...)...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			wantPages(t, strings.TrimSpace(string(out)), 8*mib)
		})
		t.Run("another user/"+via, func(t *testing.T) {
			wantPages(t, mapInUsersMount(t, u, flags...), 8*mib)
		})
		t.Run("another pid namespace/"+via, func(t *testing.T) {
			dir := startElsewhere(t, append(flags, "--allow-other")...)
			wantPages(t, runHelper(t, u, "map-until-fault", dir+"/f", "16", "shown"), 8*mib)
		})
	}
}

// mapInUsersMount has root store to a mapping in a mount of u's that lets others in. That needs a line in
// /etc/fuse.conf, which is there in a mount namespace of its own.
func mapInUsersMount(t *testing.T, u harness.User, flags ...string) string {
	t.Helper()
	conf := filepath.Join(harness.Mkdir(t, harness.Current()), "fuse.conf")
	if err := os.WriteFile(conf, []byte("user_allow_other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const script = `conf=$1 uid=$2 gid=$3 dir=$4 vanishfs=$5; shift 5
		mount --bind "$conf" /etc/fuse.conf
		as() { setpriv --reuid="$uid" --regid="$gid" --clear-groups "$@"; }
		as mkdir "$dir/mnt"
		cd /
		as "$vanishfs" mount --allow-other $FLAGS "$dir/mnt" >&2
		"$@" "$dir/mnt/f" 16 shown || echo failed
		as "$vanishfs" umount "$dir/mnt"`
	args := []string{"--mount", "--propagation=private", "sh", "-euc", script, "sh", conf, fmt.Sprint(u.UID), fmt.Sprint(u.GID), harness.Mkdir(t, u)}
	args = slices.Concat(args, harness.VanishfsArgs(), harness.HelperArgs("map-until-fault"))
	cmd := exec.Command("unshare", args...)
	cmd.Env = append(os.Environ(), "FLAGS="+strings.Join(flags, " "))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// startElsewhere mounts by a daemon in a pid namespace of its own, until the end of the test.
func startElsewhere(t *testing.T, flags ...string) string {
	t.Helper()
	dir := harness.Mkdir(t, harness.Current())
	args := slices.Concat([]string{"--pid", "--fork", "--kill-child"}, harness.VanishfsArgs("mount", "--foreground"), flags, []string{dir})
	cmd := exec.Command("unshare", args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
			cmd.Process.Kill()
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	harness.Eventually(t, "mounted", func() bool { return len(harness.Mounted(dir)) > 0 }, func() string { return dir })
	return dir
}

// TestMappedLiveCopy: what was stored to a mapping is data to whoever asks where data is, while the mapping lives.
func TestMappedLiveCopy(t *testing.T) {
	onMediated(t, "32MiB", func(t *testing.T, dir string, u harness.User) {
		for _, before := range []string{"nothing", "reserved", "read", "read beside"} {
			if before == "read beside" && filepath.Base(t.Name()) == "native" {
				continue // no daemon, no cache of its own
			}
			live := filepath.Join(dir, strings.ReplaceAll(before, " ", "-"))
			cmd := u.As(harness.HelperCommand("map-live", live, before))
			cmd.Stderr = os.Stderr
			in, err := cmd.StdinPipe()
			check(t, "pipe", err)
			out, err := cmd.StdoutPipe()
			check(t, "pipe", err)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
				t.Errorf("%s: %q, %v", before, line, err)
			}
			sh := u.As(exec.Command("sh", "-euc", `cp "$1" "$1.copy"; cmp "$1" "$1.copy"; rm "$1.copy"
				(cd "$(dirname "$1")" && tar -Scf - "$(basename "$1")") | tar -xOf - | cmp - "$1"`, "sh", live))
			if text, err := sh.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", before, err, text)
			}
			in.Close()
			check(t, "helper", cmd.Wait())
			runAs(t, u, "rm", live)
		}
	})
}

// TestMappedSparse: a store to a mapping is charged one page.
func TestMappedSparse(t *testing.T) {
	onMediated(t, "8MiB", func(t *testing.T, dir string, u harness.User) {
		runHelper(t, u, "map-sparse", dir, "100")
	})
}

// TestHolesAreReadFree: reading holes, also through a handle that could be mapped, costs nothing where the daemon can
// see that it is not.
func TestHolesAreReadFree(t *testing.T) {
	onMediated(t, "8MiB", func(t *testing.T, dir string, u harness.User) {
		runHelper(t, u, "read-holes", dir+"/f", "16")
		if blocks, _, _ := strings.Cut(runAs(t, u, "stat", "-c", "%b", dir+"/f"), "\n"); blocks != "0" {
			t.Errorf("%s blocks after reading holes, want 0", blocks)
		}
	})
	for name, u := range harness.Runners(t) {
		t.Run("run/"+name, func(t *testing.T) {
			args := append([]string{"run", "--size=8MiB", "--passthrough=off", "--"}, harness.HelperArgs("read-holes", "/tmp/f", "16")...)
			if out, err := harness.Vanishfs(u, args...).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func runAs(t *testing.T, u harness.User, name string, args ...string) string {
	t.Helper()
	out, err := u.As(exec.Command(name, args...)).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return string(out)
}
