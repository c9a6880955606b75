package promises

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// A use is a way in which something on a filesystem is used. begin makes what is used at path and uses it, as the
// mount's user; what is asked of it is done as soon as end is called.
type use struct {
	name  string
	begin func(t *testing.T, m *harness.Mount, path string) (end func())
}

func closing(fd int) func() { return func() { unix.Close(fd) } }

func opening(flags int) func(*testing.T, *harness.Mount, string) func() {
	return func(t *testing.T, _ *harness.Mount, path string) func() {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
		check(t, "open "+path, err)
		return closing(fd)
	}
}

// after makes something first.
func after(make func(path string) error, begin func(*testing.T, *harness.Mount, string) func()) func(*testing.T, *harness.Mount, string) func() {
	return func(t *testing.T, m *harness.Mount, path string) func() {
		check(t, "make "+path, make(path))
		return begin(t, m, path)
	}
}

func emptyFile(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }
func fifo(path string) error      { return unix.Mkfifo(path, 0o600) }
func symlink(path string) error   { return os.Symlink("nowhere", path) }
func directory(path string) error { return os.Mkdir(path, 0o700) }

// tree is a directory with a file in it.
func tree(path string) error { return errors.Join(directory(path), emptyFile(path+"/inside")) }

func listening(network string) func(*testing.T, *harness.Mount, string) func() {
	return func(t *testing.T, _ *harness.Mount, path string) func() {
		if network == "unixgram" {
			c, err := net.ListenUnixgram(network, &net.UnixAddr{Name: path, Net: network})
			check(t, "bind "+path, err)
			return func() { c.Close() }
		}
		l, err := net.ListenUnix(network, &net.UnixAddr{Name: path, Net: network})
		check(t, "listen at "+path, err)
		l.SetUnlinkOnClose(false)
		return func() { l.Close() }
	}
}

// process is one that does something in $P for as long as it runs.
func process(script string) func(*testing.T, *harness.Mount, string) func() {
	return func(t *testing.T, m *harness.Mount, path string) func() {
		cmd := m.ShCommand(script)
		cmd.Env = append(cmd.Env, "P="+path)
		out, err := cmd.StdoutPipe()
		check(t, "pipe", err)
		check(t, "start", cmd.Start())
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
			t.Fatalf("%s said %q, %v", script, line, err)
		}
		return func() {
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
}

func mapFile(t *testing.T, _ *harness.Mount, path string) func() {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	check(t, "open "+path, err)
	mem, err := unix.Mmap(fd, 0, 1, unix.PROT_READ, unix.MAP_SHARED)
	check(t, "map "+path, err)
	unix.Close(fd)
	return func() { unix.Munmap(mem) }
}

func locking(t *testing.T, m *harness.Mount, path string) func() {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	check(t, "open "+path, err)
	check(t, "lock "+path, unix.Flock(fd, unix.LOCK_EX))
	return closing(fd)
}

// boundElsewhere bind-mounts path at a place outside, as a container does.
func boundElsewhere(t *testing.T, _ *harness.Mount, path string) func() {
	var st unix.Stat_t
	check(t, "stat", unix.Lstat(path, &st))
	place := filepath.Join(harness.Mkdir(t, harness.Current()), "place")
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		check(t, "make place", directory(place))
	} else {
		check(t, "make place", emptyFile(place))
	}
	check(t, "bind "+path, unix.Mount(path, place, "", unix.MS_BIND, ""))
	return func() { unix.Unmount(place, unix.MNT_DETACH) }
}

// covered mounts something on path.
func covered(t *testing.T, _ *harness.Mount, path string) func() {
	var st unix.Stat_t
	check(t, "stat", unix.Lstat(path, &st))
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		check(t, "mount on "+path, unix.Mount("vanishfs-inside", path, "tmpfs", 0, ""))
	} else {
		check(t, "mount on "+path, unix.Mount("/dev/null", path, "", unix.MS_BIND, ""))
	}
	return func() {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			t.Errorf("what was mounted on %s is gone: %v", path, err)
		}
	}
}

func uses() []use {
	all := []use{
		{"file-open", after(emptyFile, opening(unix.O_RDONLY))},
		{"file-locked", after(emptyFile, locking)},
		{"file-mapped", after(emptyFile, mapFile)},
		{"file-path", after(emptyFile, opening(unix.O_PATH))},
		{"symlink-path", after(symlink, opening(unix.O_PATH|unix.O_NOFOLLOW))},
		{"socket-listening", listening("unix")},
		{"socket-bound", listening("unixgram")},
		{"fifo-open", after(fifo, opening(unix.O_RDWR))},
		{"fifo-waiting", after(fifo, process(`echo ready; read line < "$P"`))},
		{"directory-open", after(directory, opening(unix.O_RDONLY|unix.O_DIRECTORY))},
		{"directory-path", after(directory, opening(unix.O_PATH))},
		{"directory-working", after(directory, process(`cd "$P"; echo ready; exec sleep 1000`))},
		{"directory-locked", after(tree, locking)},
		{"directory-above-open", after(tree, opening(unix.O_RDONLY|unix.O_DIRECTORY))},
	}
	if !harness.Root() {
		return all
	}
	return append(all,
		use{"file-bound", after(emptyFile, boundElsewhere)},
		use{"directory-bound", after(directory, boundElsewhere)},
		use{"file-covered", after(emptyFile, covered)},
		use{"directory-covered", after(directory, covered)},
	)
}

// needsRoot says that only root can make this use.
func (u use) needsRoot() bool {
	return strings.HasSuffix(u.name, "-bound") && u.name != "socket-bound" || strings.HasSuffix(u.name, "-covered")
}

// TestAgeSparesUse: what is idle goes by age, whatever it is, and nothing that is in use in any way.
func TestAgeSparesUse(t *testing.T) {
	transports := []string{"dev"}
	if harness.Uring() {
		transports = append(transports, "uring")
	}
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			harness.OnPlanes(t, []string{"--max-idle=300ms", "--transport=" + transport}, func(t *testing.T, m *harness.Mount) {
				m.Do(t, func() { ageSparesUse(t, m, func() {}) })
			})
		})
	}
}

// TestAgeSparesEarlierUse: the same where age comes to remove only when all that is in use already, of which the daemon
// was not told everything.
func TestAgeSparesEarlierUse(t *testing.T) {
	for _, transport := range transports() {
		t.Run(transport, func(t *testing.T) {
			harness.OnPlanes(t, []string{"--transport=" + transport}, func(t *testing.T, m *harness.Mount) {
				m.Do(t, func() { ageSparesUse(t, m, func() { change(t, m, 0, "--max-idle=300ms") }) })
			})
		})
	}
}

// ageSparesUse has age remove what is idle after begin was called, beside uses of all kinds.
func ageSparesUse(t *testing.T, m *harness.Mount, begin func()) {
	prunes := kernelPrunes(t)
	var ends []func()
	end := func() {
		for _, f := range ends {
			f()
		}
		ends = nil
	}
	defer end()
	var used []string
	for _, u := range uses() {
		if u.needsRoot() && m.User.UID != 0 {
			continue
		}
		used = append(used, u.name)
		ends = append(ends, u.begin(t, m, filepath.Join(m.Dir, u.name)))
	}
	begin()
	// Twice: what is used is older than what goes.
	for range 2 {
		idle(t, m.Dir, prunes, used)
	}
	for _, name := range used {
		stays(t, name, filepath.Join(m.Dir, name))
	}
	for _, name := range []string{"directory-locked", "directory-above-open"} {
		stays(t, "in "+name, filepath.Join(m.Dir, name, "inside"))
	}
	end()
	if prunes {
		harness.Eventually(t, "all goes when it is used no more", func() bool { return len(entryNames(t, m.Dir)) == 0 },
			func() string { return strings.Join(entryNames(t, m.Dir), " ") })
	}
}

// idle makes one of each that nobody uses and waits until it is gone.
func idle(t *testing.T, dir string, prunes bool, used []string) {
	check(t, "file", emptyFile(dir+"/idle-file"))
	check(t, "fifo", fifo(dir+"/idle-fifo"))
	check(t, "symlink", symlink(dir+"/idle-symlink"))
	check(t, "directory", directory(dir+"/idle-directory"))
	check(t, "tree", tree(dir+"/idle-tree"))
	listening("unix")(t, nil, dir+"/idle-socket")()
	gone := func() bool {
		if !prunes {
			forgetAll(t)
		}
		return len(entryNames(t, dir)) == len(used)
	}
	harness.Eventually(t, "what nobody uses goes", gone,
		func() string { return strings.Join(entryNames(t, dir), " ") })
}

func entryNames(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, "list", err)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// kernelPrunes says whether the kernel forgets names when it is asked to: Linux 6.18.
func kernelPrunes(t *testing.T) bool {
	t.Helper()
	var name unix.Utsname
	check(t, "uname", unix.Uname(&name))
	release := unix.ByteSliceToString(name.Release[:])
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		t.Fatalf("kernel release %q: %v", release, err)
	}
	return major > 6 || major == 6 && minor >= 18
}

// forgetAll has the kernel forget what nobody uses, as it does when it needs the memory.
func forgetAll(t *testing.T) {
	t.Helper()
	if !harness.Root() {
		t.Fatal("before Linux 6.18 only root can have the kernel forget names")
	}
	check(t, "drop caches", os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0))
}
