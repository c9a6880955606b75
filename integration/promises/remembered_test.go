package promises

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestRemembered: whatever a user asks for and however often, the daemon remembers no more of it than a fixed
// amount, or than --inodes lets him have. It is in a memory cgroup of 64 MiB meanwhile, which would end it.
func TestRemembered(t *testing.T) {
	long := strings.Repeat("x", 230)
	for _, c := range []struct {
		name  string
		flags []string
		times int
		most  int64 // growth, bytes
		ask   func(t *testing.T, dir string, i int)
	}{
		{"magic names", nil, cycles(), 16 * mib, func(t *testing.T, dir string, i int) {
			var st unix.Stat_t
			checkRarely(t, "lstat", unix.Lstat(fmt.Sprintf("%s/.vanish/new/%s%d", dir, long, i), &st))
		}},
		{"reservations", nil, cycles() / 2, 16 * mib, func(t *testing.T, dir string, i int) {
			_, err := os.Readlink(fmt.Sprintf("%s/.vanish/once/%s%d", dir, long[:200], i))
			checkRarely(t, "readlink", err)
		}},
		{"reservations in many directories", []string{"--inodes=2000"}, cycles() / 2, 16 * mib, func(t *testing.T, dir string, i int) {
			d := fmt.Sprintf("%s/%d", dir, i/1500)
			if i%1500 == 0 {
				checkRarely(t, "mkdir", os.Mkdir(d, 0o700))
			}
			_, err := os.Readlink(d + "/.vanish/new/x")
			checkRarely(t, "readlink", err)
		}},
		{"directories with a magic path", []string{"--inodes=10000"}, min(9000, cycles()), 16 * mib, func(t *testing.T, dir string, i int) {
			d := fmt.Sprintf("%s/%d", dir, i)
			checkRarely(t, "mkdir", os.Mkdir(d, 0o700))
			var st unix.Stat_t
			for _, name := range []string{"new/x", "once/x", "status"} {
				checkRarely(t, "lstat", unix.Lstat(d+"/.vanish/"+name, &st))
			}
		}},
		{"attributes", []string{"--xattr", "--inodes=20000"}, cycles(), 24 * mib, func(t *testing.T, dir string, i int) {
			f := fmt.Sprintf("%s/%d", dir, i%10_000)
			if i < 10_000 {
				checkRarely(t, "create", os.WriteFile(f, nil, 0o600))
			}
			err := unix.Setxattr(f, fmt.Sprintf("user.%d", i), []byte("y"), 0)
			if err != unix.ENOSPC {
				checkRarely(t, "setxattr", err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.OnPlanes(t, c.flags, func(t *testing.T, m *harness.Mount) {
				m.Do(t, func() { c.ask(t, m.Dir, 0) })
				group := newMemoryGroup(t, m.PID)
				if group != nil && !harness.Race() {
					group.limit(t, 64*mib)
				}
				before := resident(t, m.PID, "VmRSS")
				m.Do(t, func() {
					for i := 1; i < c.times && !t.Failed(); i++ {
						c.ask(t, m.Dir, i)
					}
				})
				grown := resident(t, m.PID, "VmHWM") - before
				t.Logf("%d times: %d KiB more", c.times, grown>>10)
				if most := c.most * raceFactor(); grown > most {
					t.Errorf("the daemon grew by %d KiB, want at most %d", grown>>10, most>>10)
				}
			})
		})
	}
}

func raceFactor() int64 {
	if harness.Race() {
		return 10
	}
	return 1
}

// checkRarely is check for what is called very often.
func checkRarely(t *testing.T, what string, err error) {
	if err != nil {
		t.Helper()
		t.Errorf("%s: %v", what, err)
	}
}

// TestRememberedOpen: what a user holds on to, the daemon has to remember. Of status files he can open so many; a
// removed file that he has open with O_PATH stays an inode that is counted, and others are not in its way.
func TestRememberedOpen(t *testing.T) {
	harness.OnPlanes(t, []string{"--inodes=12000"}, func(t *testing.T, m *harness.Mount) {
		m.Do(t, func() {
			const files = 11_000
			fds := make([]int, 0, files)
			defer func() { closeAll(fds) }()
			for range files {
				fd, err := unix.Open(m.Dir+"/.vanish/status", unix.O_RDONLY, 0)
				if err == unix.EMFILE {
					break
				}
				if !check(t, "open status", err) {
					return
				}
				fds = append(fds, fd)
			}
			if len(fds) < 200 || len(fds) > 5000 {
				t.Errorf("status can be open %d times", len(fds))
			}
			closeAll(fds)
			fds = fds[:0]
			harness.Eventually(t, "status can be opened again", func() bool {
				fd, err := unix.Open(m.Dir+"/.vanish/status", unix.O_RDONLY, 0)
				unix.Close(fd)
				return err == nil
			}, func() string { return "" })

			for i := range files {
				fd, err := unix.Open(m.Dir+"/f", unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o600)
				if !check(t, fmt.Sprint("create ", i), err) {
					return
				}
				unix.Close(fd)
				fd, err = unix.Open(m.Dir+"/f", unix.O_PATH, 0)
				if !check(t, "open with O_PATH", err) || !check(t, "unlink", unix.Unlink(m.Dir+"/f")) {
					return
				}
				fds = append(fds, fd)
			}
			if used := inodesUsed(t, m.Dir); used < files-(1<<13) || used > files {
				t.Errorf("%d inodes are counted of %d that are open, want those beyond %d", used, files, 1<<13)
			}
			for _, fd := range fds {
				var st unix.Stat_t
				if !check(t, "fstat of a removed file", unix.Fstat(fd, &st)) {
					return
				}
			}
			closeAll(fds)
			fds = nil
			harness.Eventually(t, "every inode is given back", func() bool { return inodesUsed(t, m.Dir) <= 1 },
				func() string { return fmt.Sprint(inodesUsed(t, m.Dir), " are counted") })
		})
	})
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

func inodesUsed(t *testing.T, dir string) int {
	t.Helper()
	var st unix.Statfs_t
	check(t, "statfs", unix.Statfs(dir, &st))
	return int(st.Files - st.Ffree)
}

// TestRememberedEnded: a session's files leave the daemon with the session, though the kernel goes on to know them.
func TestRememberedEnded(t *testing.T) {
	if !harness.Root() {
		t.Log("not root: there are no sessions inside an ordinary user's mount")
		return
	}
	m := harness.Start(t, harness.Current(), "--session=process", "--inodes=60000")
	group := newMemoryGroup(t, m.PID)
	if group != nil && !harness.Race() {
		group.limit(t, 64*mib)
	}
	before := int64(0)
	for round := range 12 {
		m.Sh(t, fmt.Sprintf(`exec python3 -c 'import os, sys
for i in range(50000): os.mkfifo("%%s/%d-%%d" %% (sys.argv[1], i), 0o600)' "$D"`, round))
		harness.Eventually(t, "the session's files go", func() bool { return inodesUsed(t, m.Dir) <= 1 },
			func() string { return fmt.Sprint(inodesUsed(t, m.Dir), " are counted") })
		if now := resident(t, m.PID, "VmRSS"); round == 2 {
			before = now
		} else if most := 16 * mib * raceFactor(); round > 2 && now > before+most {
			t.Fatalf("round %d: the daemon has %d KiB, %d more than before", round, now>>10, (now-before)>>10)
		}
	}
	if left, err := filepath.Glob(m.Dir + "/*"); len(left) > 0 || err != nil {
		t.Errorf("left: %d names, %v", len(left), err)
	}
}
