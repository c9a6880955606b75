package promises

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

const mib = 1 << 20

// TestQuotaExact is promise 2: eight parallel writers against 64 MiB write
// exactly 64 MiB, each is told by write(), and all of it can be written again.
func TestQuotaExact(t *testing.T) {
	harness.OnPlanes(t, []string{"--size=64MiB"}, func(t *testing.T, m *harness.Mount) {
		for round, block := range []int{64 << 10, 4096, 1 << 20} {
			if total := fill(t, m, 8, block); total != 64*mib {
				t.Errorf("round %d, blocks of %d: %d bytes written, want %d", round, block, total, 64*mib)
			}
			if s := m.Status(t); s.Used != 64*mib || s.Free != 0 {
				t.Errorf("round %d: status says used %d, free %d", round, s.Used, s.Free)
			}
			m.Sh(t, `rm -f "$D"/w*`)
			waitUsed(t, m, 0)
		}
	})
}

// fill has n writers write blocks, each to its own file, until ENOSPC, and says how much all of them wrote.
func fill(t *testing.T, m *harness.Mount, n, block int) int64 {
	t.Helper()
	var total atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			m.Do(t, func() {
				fd, err := unix.Open(fmt.Sprintf("%s/w%d", m.Dir, i), unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
				if !check(t, "create", err) {
					return
				}
				written, err := writeUntilError(fd, block)
				total.Add(written)
				if !errors.Is(err, unix.ENOSPC) {
					t.Errorf("writer %d: %v, want ENOSPC from write", i, err)
				}
				check(t, "fsync after ENOSPC", unix.Fsync(fd))
				check(t, "close after ENOSPC", unix.Close(fd))
			})
		})
	}
	wg.Wait()
	return total.Load()
}

func writeUntilError(fd, block int) (written int64, err error) {
	data := make([]byte, block)
	for i := range data {
		data[i] = byte(i)
	}
	for {
		n, err := unix.Write(fd, data)
		if err != nil {
			return written, err
		}
		written += int64(n)
	}
}

func waitUsed(t *testing.T, m *harness.Mount, want int64) {
	t.Helper()
	var s harness.Status
	harness.Eventually(t, fmt.Sprintf("%d bytes used", want), func() bool {
		s = m.Status(t)
		return s.Used == want
	}, func() string { return fmt.Sprint(s.Used) })
}

// TestQuotaOddSizes counts whole pages: a file of one byte costs one.
func TestQuotaOddSizes(t *testing.T) {
	harness.OnPlanes(t, []string{"--size=1MiB"}, func(t *testing.T, m *harness.Mount) {
		m.Do(t, func() {
			n := 0
			for ; ; n++ {
				if err := os.WriteFile(fmt.Sprintf("%s/%d", m.Dir, n), []byte("x"), 0o600); err != nil {
					if !errors.Is(err, unix.ENOSPC) {
						t.Errorf("file %d: %v", n, err)
					}
					break
				}
			}
			if n != mib/4096 {
				t.Errorf("%d files of one byte fit into 1 MiB, want %d", n, mib/4096)
			}
			// Overwriting costs nothing, filling a hole does.
			f, err := os.OpenFile(m.Dir+"/0", os.O_RDWR, 0)
			if !check(t, "open", err) {
				return
			}
			defer f.Close()
			_, err = f.WriteAt(make([]byte, 4096), 0)
			check(t, "write within the page", err)
			check(t, "grow a hole", f.Truncate(100*mib))
			if _, err = f.WriteAt([]byte("x"), 50*mib); !errors.Is(err, unix.ENOSPC) {
				t.Errorf("write into the hole: %v, want ENOSPC", err)
			}
			check(t, "remove another", os.Remove(m.Dir+"/1"))
			if !harness.Within(harness.Patience, func() bool { _, err = f.WriteAt([]byte("x"), 50*mib); return err == nil }) {
				t.Errorf("write into the hole with a page free: %v", err)
			}
		})
	})
}

// TestQuotaShortWrite: what fits of a write is written.
func TestQuotaShortWrite(t *testing.T) {
	harness.OnPlanes(t, []string{"--size=1MiB"}, func(t *testing.T, m *harness.Mount) {
		m.Do(t, func() {
			fd, err := unix.Open(m.Dir+"/f", unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
			if !check(t, "create", err) {
				return
			}
			defer unix.Close(fd)
			data := make([]byte, 3*mib/2)
			if n, err := unix.Write(fd, data); n != mib || err != nil {
				t.Errorf("write of 1.5 MiB: %d, %v, want 1 MiB", n, err)
			}
			if n, err := unix.Write(fd, data); !errors.Is(err, unix.ENOSPC) {
				t.Errorf("next write: %d, %v, want ENOSPC", n, err)
			}
			var st unix.Stat_t
			check(t, "fstat", unix.Fstat(fd, &st))
			if st.Size != mib {
				t.Errorf("size %d", st.Size)
			}
		})
	})
}

// TestInodeLimit is --inodes: whatever takes an inode is counted, open unlinked files too.
func TestInodeLimit(t *testing.T) {
	harness.OnPlanes(t, []string{"--inodes=50"}, func(t *testing.T, m *harness.Mount) {
		s := m.Status(t)
		if s.Inodes != 50 {
			t.Errorf("status says %d inodes", s.Inodes)
		}
		m.Do(t, func() {
			p := func(i int) string { return fmt.Sprintf("%s/%d", m.Dir, i) }
			makers := []func(string) error{
				func(p string) error { return os.WriteFile(p, nil, 0o600) },
				func(p string) error { return os.Mkdir(p, 0o700) },
				func(p string) error { return os.Symlink("x", p) },
				func(p string) error { return unix.Mkfifo(p, 0o600) },
			}
			n := 0
			for ; n < 100; n++ {
				if err := makers[n%4](p(n)); err != nil {
					if !errors.Is(err, unix.ENOSPC) {
						t.Errorf("number %d: %v", n, err)
					}
					break
				}
			}
			if int64(n) != s.Inodes-s.InodesUsed {
				t.Errorf("%d were made, %d were free", n, s.Inodes-s.InodesUsed)
			}
			for i, make := range makers {
				if err := make(p(1000 + i)); !errors.Is(err, unix.ENOSPC) {
					t.Errorf("maker %d: %v, want ENOSPC", i, err)
				}
			}
			_, err := unix.Open(m.Dir, unix.O_TMPFILE|unix.O_RDWR, 0o600)
			if !errors.Is(err, unix.ENOSPC) {
				t.Errorf("O_TMPFILE: %v, want ENOSPC", err)
			}
			// As on tmpfs, where it keeps links from filling memory (mm/shmem.c, shmem_link).
			if err := os.Link(p(0), p(2000)); !errors.Is(err, unix.ENOSPC) {
				t.Errorf("another name: %v, want ENOSPC", err)
			}
			check(t, "rename costs nothing", os.Rename(p(0), p(2001)))
			f, err := os.Open(p(2001))
			check(t, "open", err)
			check(t, "unlink", os.Remove(p(2001)))
			if err := makers[0](p(3000)); !errors.Is(err, unix.ENOSPC) {
				t.Errorf("while the unlinked file is open: %v, want ENOSPC", err)
			}
			f.Close()
			if !harness.Within(harness.Patience, func() bool { err = makers[0](p(3000)); return err == nil }) {
				t.Errorf("after it is closed: %v", err)
			}
		})
	})
}

// TestFileSizeLimit is --file-size: EFBIG, and what fits is written.
func TestFileSizeLimit(t *testing.T) {
	harness.OnPlanes(t, []string{"--file-size=1MiB"}, func(t *testing.T, m *harness.Mount) {
		m.Do(t, func() {
			fd, err := unix.Open(m.Dir+"/f", unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
			if !check(t, "create", err) {
				return
			}
			defer unix.Close(fd)
			if n, err := unix.Pwrite(fd, make([]byte, 3*mib/2), 0); n != mib || err != nil {
				t.Errorf("write of 1.5 MiB: %d, %v, want 1 MiB", n, err)
			}
			_, err = unix.Pwrite(fd, []byte("x"), mib)
			for what, err := range map[string]error{
				"write at the limit": err,
				"truncate":           unix.Ftruncate(fd, mib+1),
				"truncate by name":   unix.Truncate(m.Dir+"/f", mib+1),
				"fallocate":          unix.Fallocate(fd, 0, 0, 2*mib),
			} {
				if !errors.Is(err, unix.EFBIG) {
					t.Errorf("%s: %v, want EFBIG", what, err)
				}
			}
			check(t, "another file", os.WriteFile(m.Dir+"/g", make([]byte, mib), 0o600))
			check(t, "truncate to the limit", unix.Ftruncate(fd, mib))
		})
	})
}

// TestDf: df and df -i show the limits and the use, exactly.
func TestDf(t *testing.T) {
	harness.OnPlanes(t, []string{"--size=64MiB", "--inodes=1000"}, func(t *testing.T, m *harness.Mount) {
		before := m.Status(t)
		m.Sh(t, `head -c 10485760 /dev/zero > "$D/ten"; : > "$D/empty"`)
		if got := strings.Fields(m.Sh(t, `df -B1 --output=size,used,avail "$D" | tail -1`)); strings.Join(got, " ") != fmt.Sprint(64*mib, 10*mib, 54*mib) {
			t.Errorf("df: %v", got)
		}
		want := fmt.Sprint(1000, before.InodesUsed+2, 1000-before.InodesUsed-2)
		if got := strings.Fields(m.Sh(t, `df --output=itotal,iused,iavail "$D" | tail -1`)); strings.Join(got, " ") != want {
			t.Errorf("df -i: %v, want %s", got, want)
		}
	})
}

// TestUnlimited: with no limit statfs still reports sane numbers.
func TestUnlimited(t *testing.T) {
	harness.OnPlanes(t, []string{"--size=0", "--inodes=0"}, func(t *testing.T, m *harness.Mount) {
		m.Do(t, func() {
			var st unix.Statfs_t
			check(t, "statfs", unix.Statfs(m.Dir, &st))
			if st.Blocks == 0 || st.Bfree == 0 || st.Bavail > st.Blocks || st.Files == 0 || st.Ffree == 0 || st.Ffree > st.Files {
				t.Errorf("statfs: %+v", st)
			}
		})
		m.Sh(t, `head -c 1000000 /dev/zero > "$D/f"; df "$D"; df -i "$D"`)
	})
}

// TestLiveLimits: `vanishfs set` grows and shrinks a mount in use, not below its use.
func TestLiveLimits(t *testing.T) {
	harness.OnPlanes(t, []string{"--size=16MiB"}, func(t *testing.T, m *harness.Mount) {
		m.Sh(t, `head -c 16777216 /dev/zero > "$D/f"; ! printf x > "$D/g" || exit 9; "$VANISHFS" set --size 32MiB "$D"; head -c 16777216 /dev/zero > "$D/g"`)
		if s := m.Status(t); s.Size != 32*mib || s.Used != 32*mib {
			t.Errorf("after growing: size %d, used %d", s.Size, s.Used)
		}
		out, err := m.ShCommand(`"$VANISHFS" set --size 20MiB "$D"`).CombinedOutput()
		if err == nil || strings.Count(string(out), "\n") != 1 {
			t.Errorf("shrinking below use: %v, %q", err, out)
		}
		m.Sh(t, `rm "$D/f"`)
		waitUsed(t, m, 16*mib)
		m.Sh(t, `"$VANISHFS" set --size 20MiB "$D"`)
		if total := fill(t, m, 1, 4096); total != 4*mib {
			t.Errorf("after shrinking %d bytes fit, want %d", total, 4*mib)
		}
	})
}

func init() {
	// Maps a sparse file larger than the cap and touches it all: 0 if SIGBUS comes at some page.
	harness.Helper("mmap-past-cap", func(args []string) int {
		fd, err := unix.Open(args[0], unix.O_CREAT|unix.O_RDWR, 0o600)
		if err != nil {
			return 1
		}
		const size = 8 * mib
		if err := unix.Ftruncate(fd, size); err != nil {
			return 2
		}
		m, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return 3
		}
		return faults(m, fd)
	})
}

// TestMmapPastCap: SIGBUS, and nothing over the cap.
func TestMmapPastCap(t *testing.T) {
	harness.OnPlanes(t, []string{"--size=4MiB"}, func(t *testing.T, m *harness.Mount) {
		cmd := m.User.As(harness.HelperCommand("mmap-past-cap", m.Dir+"/f"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		if s := m.Status(t); s.Used > 4*mib {
			t.Errorf("used %d", s.Used)
		}
	})
}
