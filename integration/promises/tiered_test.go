package promises

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// onTiered runs f on mounts with a tiered store that spill to dir, as root and as the ordinary user.
func onTiered(t *testing.T, flags []string, f func(t *testing.T, m *harness.Mount, dir string)) {
	for name, u := range harness.Runners(t) {
		t.Run(name, func(t *testing.T) {
			dir := harness.Mkdir(t, u)
			f(t, harness.Start(t, u, append([]string{"--store=tiered", "--spill-dir=" + dir}, flags...)...), dir)
			if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
				t.Errorf("in the spill directory: %v, %v", names, err)
			}
		})
	}
}

// TestTieredQuotaExact: one cap over memory and spill, to the page, whoever writes.
func TestTieredQuotaExact(t *testing.T) {
	onTiered(t, []string{"--memory=8MiB", "--size=48MiB"}, func(t *testing.T, m *harness.Mount, _ string) {
		for round, block := range []int{64 << 10, 4096, 1 << 20} {
			if total := fill(t, m, 8, block); total != 48*mib {
				t.Errorf("round %d, blocks of %d: %d bytes written, want %d", round, block, total, 48*mib)
			}
			s := m.Status(t)
			if s.Used != 48*mib || s.Free != 0 {
				t.Errorf("round %d: status says used %d, free %d", round, s.Used, s.Free)
			}
			if s.SpillUsed < 32*mib || s.Memory != 8*mib || s.MemoryUsed > s.Memory {
				t.Errorf("round %d: %+v", round, s)
			}
			m.Sh(t, `rm -f "$D"/w*`)
			waitUsed(t, m, 0)
		}
	})
}

// spillFile opens the nameless file in dir that the daemon has, past the daemon.
func spillFile(t *testing.T, m *harness.Mount, dir string) *os.File {
	t.Helper()
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", m.PID))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		target, err := os.Readlink(fd)
		if err != nil || !strings.HasPrefix(target, dir+"/") || !strings.HasSuffix(target, " (deleted)") {
			continue
		}
		f, err := os.Open(fd)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	t.Fatalf("the daemon has no spill file in %s", dir)
	return nil
}

// TestTieredNoPlaintext is promise 6: known text, far more of it than memory may hold, is
// nowhere in the raw spill file, neither while it is used nor after it was removed.
func TestTieredNoPlaintext(t *testing.T) {
	const text = "the quick brown secret jumps over the lazy disk\n"
	onTiered(t, []string{"--memory=8MiB", "--size=200MiB"}, func(t *testing.T, m *harness.Mount, dir string) {
		m.Sh(t, `yes "the quick brown secret jumps over the lazy disk" | head -c 96000000 > "$D/f"
			head -c 30000000 /dev/zero > "$D/zeros"`)
		raw := spillFile(t, m, dir)
		search := func(when string) {
			content, err := io.ReadAll(io.NewSectionReader(raw, 0, 1<<40))
			if err != nil {
				t.Fatal(err)
			}
			if len(content) < 64*mib {
				t.Errorf("%s: only %d bytes in the spill file", when, len(content))
			}
			for _, part := range []string{text[:12], text[12:24], text[24:36], text[36:]} {
				if bytes.Contains(content, []byte(part)) {
					t.Errorf("%s: %q is on the disk", when, part)
				}
			}
		}
		search("in use")
		m.Sh(t, `rm "$D/zeros"; test "$(uniq "$D/f" | wc -l)" -le 2`)
		search("after a file was removed")
		if s := m.Status(t); s.Fetched == 0 {
			t.Error("nothing was read back")
		}
	})
}

// programSizes are what TestTieredPrograms works with.
type programSizes struct {
	memory  string
	digits  int    // of the numbers that are sorted: all that have as many
	padding int    // bytes in each line beside the number
	buffer  string // of sort
	rows    int    // in the database, of 600 bytes and more
	spilled int64  // at least, bytes
}

// TestTieredPrograms: a sort and a database that are larger than the budget. VANISHFS_LONG makes the sort 3 GB.
func TestTieredPrograms(t *testing.T) {
	p := programSizes{"8MiB", 6, 40, "4M", 40_000, 100 * mib}
	if harness.Long() {
		p = programSizes{"256MiB", 7, 300, "64M", 1_000_000, 8 << 30}
	}
	onTiered(t, []string{"--memory=" + p.memory, "--size=20GiB"}, func(t *testing.T, m *harness.Mount, _ string) {
		// All numbers of so many digits are the same set when their digits are turned round.
		m.Sh(t, fmt.Sprintf(`pad=$(head -c %d /dev/zero | tr '\0' x); last=$(head -c %d /dev/zero | tr '\0' 9)
			seq -w 0 $last | rev | sed "s/$/$pad/" > "$D/in"
			sort -S %s -T "$D" -o "$D/out" "$D/in"
			seq -w 0 $last | sed "s/$/$pad/" | cmp - "$D/out"; rm "$D/in" "$D/out"`, p.padding, p.digits, p.buffer))
		got := m.Sh(t, fmt.Sprintf(`sqlite3 "$D/db" "
			pragma cache_size = 100;
			create table t(k integer primary key, v blob, r int);
			with recursive n(i) as (select 1 union all select i+1 from n where i < %[1]d)
				insert into t select i, randomblob(600), random() from n;
			create index tr on t(r);
			update t set v = zeroblob(700) where r %% 3 = 0;
			delete from t where r %% 5 = 0;
			pragma integrity_check;
			select count(*) > %[1]d / 2, count(*) = sum(length(v) in (600, 700)) from t;"`, p.rows))
		if got != "ok\n1|1" {
			t.Errorf("the database says %q", got)
		}
		if s := m.Status(t); s.Spilled < p.spilled || s.Fetched == 0 {
			t.Errorf("too little was spilled: %+v", s)
		}
	})
}

// TestTieredSpillDir: a directory that will not do is one line and code 9, and nothing is mounted.
func TestTieredSpillDir(t *testing.T) {
	dir := harness.Mkdir(t, harness.Current())
	file := filepath.Join(dir, "file")
	check(t, "make a file", os.WriteFile(file, nil, 0o600))
	on := harness.Start(t, harness.Current())
	for spill, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file or directory; name an existing directory with --spill-dir",
		file:                       "not a directory",
		on.Dir:                     "is on a vanishfs itself, mounted at " + on.Dir,
		"/proc":                    "--spill-dir",
	} {
		cmd := harness.Vanishfs(harness.Current(), "mount", "--store=tiered", "--spill-dir="+spill, dir)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != 9 || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v: %s", spill, err, out)
		}
	}
	if where := harness.Mounted(dir); len(where) > 0 {
		t.Errorf("mounted: %v", where)
	}
}

// TestTieredCoversSpillDir: the directory that run covers can be the one it spills to.
func TestTieredCoversSpillDir(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		out, err := harness.Vanishfs(u, "run", "--store=tiered", "--memory=4MiB", "--at=/var/tmp", "--spill-dir=/var/tmp", "--",
			"sh", "-euc", "seq 3000000 > /var/tmp/f; seq 3000000 | cmp - /var/tmp/f; cat /var/tmp/.vanish/status").CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"spilled"`) {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// TestTieredFullDisk: a full disk is ENOSPC from the write() that needs it. What was acknowledged before is
// there, and room that is made can be used.
func TestTieredFullDisk(t *testing.T) {
	m := harness.Start(t, harness.Current(), "--store=tiered", "--memory=8MiB", "--size=0", "--spill-dir="+newDisk(t, 32*mib).dir)
	m.Sh(t, `for i in 1 2 3; do seq $((i * 1000000)) $((i * 1000000 + 700000)) > "$D/$i"; done`)
	f, err := os.OpenFile(m.Dir+"/big", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	written := int64(0)
	for err == nil && written < 100*mib {
		var n int
		n, err = unix.Write(int(f.Fd()), numbers(written, 128<<10))
		written += int64(max(n, 0))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("after %d bytes: %v, want ENOSPC from write", written, err)
	}
	verify := func() {
		t.Helper()
		buf := make([]byte, 128<<10)
		for off := int64(0); off < written; off += int64(len(buf)) {
			n, err := f.ReadAt(buf[:min(int64(len(buf)), written-off)], off)
			if err != nil || !bytes.Equal(buf[:n], numbers(off, n)) {
				t.Fatalf("at %d of %d: %d bytes, %v", off, written, n, err)
			}
		}
		m.Sh(t, `for i in 2 3; do seq $((i * 1000000)) $((i * 1000000 + 700000)) | cmp - "$D/$i"; done`)
	}
	verify()
	m.Sh(t, `rm "$D/1"`)
	harness.Eventually(t, "a write finds room", func() bool {
		_, err = f.WriteAt(numbers(written, 128<<10), written)
		return err == nil
	}, func() string { return fmt.Sprint(err) })
	written += 128 << 10
	verify()
}

// numbers is what a test writes at off: different at every 8 bytes. off and n are multiples of 8, but for the end.
func numbers(off int64, n int) []byte {
	p := make([]byte, 0, n+8)
	for x := uint64(off / 8); len(p) < n; x++ {
		v := x * 0x9e3779b97f4a7c15
		p = append(p, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
	}
	return p[:n]
}
