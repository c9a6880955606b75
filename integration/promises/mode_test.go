package promises

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// careless is what programs do to their modes: everything here asks for bits
// that a file must not have. It is given the mount as $D and an archive as $TAR.
const careless = `
umask 0
cd "$D"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	mkdir -m 1777 d$i; : > d$i/f; chmod 0777 d$i/f; chmod 4755 d$i/f; chmod 6777 d$i/f; chmod 2775 d$i
	cp -p "$TAR.tree/script" d$i/script; cp -p d$i/script d$i/copy
	install -m 0666 "$TAR.tree/script" d$i/installed
	mkfifo -m 0666 d$i/p; mkdir d$i/e; mv d$i/e d$i/g; ln d$i/f d$i/h
	tar -x -p -f "$TAR" -C d$i
	test -x d$i/script; test -x d$i/copy; test -x d$i/tree/script; test ! -x d$i/installed
	test "$(stat -c %a d$i/tree/script)" = 700; test "$(stat -c %a d$i/tree/open)" = 600; test "$(stat -c %a d$i/tree)" = 700
done
`

// TestModeNeverWide is promise 1: with --permissions=owner no group or other
// bit is ever seen, by a process that looks as fast as it can; u+x survives.
func TestModeNeverWide(t *testing.T) {
	harness.OnPlanes(t, nil, func(t *testing.T, m *harness.Mount) {
		stop := watchModes(t, m)
		cmd := m.ShCommand(careless)
		cmd.Env = append(cmd.Environ(), "TAR="+wideArchive(t))
		out, err := cmd.CombinedOutput()
		looks := stop()
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
		if looks < 1000 {
			t.Errorf("only %d looks: nothing was shown", looks)
		}
	})
}

// wideArchive is a tar file with modes as wide as they get, and its tree beside it.
func wideArchive(t *testing.T) string {
	t.Helper()
	tar := harness.Mkdir(t, harness.Current()) + "/wide.tar"
	script := fmt.Sprintf(`umask 0; mkdir -p %[1]s.tree; cd %[1]s.tree; printf '#!/bin/sh\n' > script; : > open; chmod 4777 script; chmod 0666 open; chmod 1777 .
		tar -c -f %[1]s --transform 's,^\.,tree,' .`, tar)
	if out, err := exec.Command("sh", "-euc", script).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return tar
}

// watchModes looks at every file of the mount again and again until it is told to stop.
func watchModes(t *testing.T, m *harness.Mount) (stop func() (looks int64)) {
	var done atomic.Bool
	var count atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			m.Do(t, func() {
				for !done.Load() && !t.Failed() {
					// What is removed or renamed under the walk is not an error.
					filepath.WalkDir(m.Dir, func(path string, _ os.DirEntry, _ error) error {
						var st unix.Stat_t
						if unix.Lstat(path, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFLNK && st.Mode&0o7077 != 0 {
							t.Errorf("%s has mode %#o", path, st.Mode)
							return filepath.SkipAll
						}
						count.Add(1)
						return nil
					})
				}
			})
		})
	}
	return func() int64 {
		done.Store(true)
		wg.Wait()
		return count.Load()
	}
}

// TestChmodDeny is --chmod=deny: asking for what never exists is an error there.
func TestChmodDeny(t *testing.T) {
	harness.OnPlanes(t, []string{"--chmod=deny"}, func(t *testing.T, m *harness.Mount) {
		m.Do(t, func() {
			f := m.Dir + "/f"
			check(t, "create", os.WriteFile(f, nil, 0o666))
			for _, mode := range []uint32{0o644, 0o4700, 0o777} {
				if err := unix.Chmod(f, mode); err != unix.EPERM {
					t.Errorf("chmod %#o: %v, want EPERM", mode, err)
				}
			}
			check(t, "chmod 0700", unix.Chmod(f, 0o700))
			check(t, "chmod 0400", unix.Chmod(f, 0o400))
		})
	})
}

// TestGitModes is the design's example: git's 0444 objects become 0400.
func TestGitModes(t *testing.T) {
	harness.OnPlanes(t, nil, func(t *testing.T, m *harness.Mount) {
		got := m.Sh(t, `umask 022; : > "$D/o"; chmod 0444 "$D/o"; mkdir "$D/d"; stat -c %a "$D/o" "$D/d"`)
		if got != "400\n700" {
			t.Errorf("modes %q", got)
		}
	})
}

// check reports an error without ending the test, so that it can be used on any thread.
func check(t *testing.T, what string, err error) bool {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return err == nil
}
