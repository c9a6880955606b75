package tiered

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// rawSpill opens the spill file of a store of this process, past the store, by way of /proc.
func rawSpill(t tester, s *Store) *os.File {
	t.Helper()
	fd := s.space.disk.(*spillFile).f.Fd()
	f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// onDisk is the disk space that a file takes, bytes.
func onDisk(t tester, f *os.File) int64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}

// Known plaintext, far more than the budget, is nowhere in the raw spill file, while it is in use
// and after files have gone; and the file is not named anywhere.
func TestNoPlaintextOnDisk(t *testing.T) {
	dir := t.TempDir()
	fx := newFixture(t, Options{SpillDir: dir}, newMarks(0))
	secret := []byte("the quick brown secret jumps over the lazy disk ")
	f, other := fx.file(t), fx.file(t)
	for off := int64(0); off < 32<<20; off += 1 << 20 {
		mustWrite(t, f, bytes.Repeat(secret, 1<<20/len(secret)), off)
		mustWrite(t, other, make([]byte, 100_000), off)
	}
	fx.spillAll(t, f)
	fx.spillAll(t, other)
	raw := rawSpill(t, fx.Store)
	search := func(when string) {
		content, err := io.ReadAll(io.NewSectionReader(raw, 0, 1<<40))
		if err != nil {
			t.Fatal(err)
		}
		if len(content) < 8<<20 {
			t.Errorf("%s: only %d bytes on the disk", when, len(content))
		}
		for _, part := range [][]byte{secret[:16], secret[16:32], secret[32:]} {
			if bytes.Contains(content, part) {
				t.Errorf("%s: plaintext on the disk", when)
			}
		}
	}
	search("in use")
	if zeros := longestZeros(t, raw, 8<<20); zeros > 64 {
		t.Errorf("%d zeros in a row: sealed zeros are to look like anything else", zeros)
	}
	other.Close()
	other.Free()
	search("after a file has gone")
	mustHold(t, f, bytes.Repeat(secret, 1<<20/len(secret)), 5<<20)
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Errorf("in the spill directory: %v, %v", names, err)
	}
}

// longestZeros is the longest row of zeros in pages that have been written.
func longestZeros(t *testing.T, f *os.File, n int64) (longest int) {
	page := make([]byte, pageSize)
	for off := int64(0); off < n; off += pageSize {
		if _, err := f.ReadAt(page, off); err != nil {
			t.Fatal(err)
		}
		run, inPage := 0, 0
		for _, b := range page {
			if run++; b != 0 {
				run = 0
			}
			inPage = max(inPage, run)
		}
		if inPage < pageSize { // else it is free
			longest = max(longest, inPage)
		}
	}
	return longest
}

// Disk space follows the files: punched as they shrink, all back when they have gone.
func TestSpaceIsGivenBack(t *testing.T) {
	fx := newFixture(t, Options{SpillDir: t.TempDir()}, newMarks(0))
	raw := rawSpill(t, fx.Store)
	f, other := fx.file(t), fx.file(t)
	for off := int64(0); off < 24<<20; off += 1 << 20 {
		mustWrite(t, f, numbered(1, off, 1<<20), off)
		mustWrite(t, other, numbered(2, off, 1<<20), off)
	}
	fx.spillAll(t, f)
	fx.spillAll(t, other)
	full := onDisk(t, raw)
	if full < 48<<20 {
		t.Fatalf("%d bytes on the disk", full)
	}
	if err := f.Allocate(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 4<<20, 12<<20); err != nil {
		t.Fatal(err)
	}
	const metadata = 64 << 10 // of the disk's filesystem
	wait(t, "a hole to be punched", func() bool { return onDisk(t, raw) <= full-12<<20+metadata })
	if err := f.Truncate(1 << 20); err != nil {
		t.Fatal(err)
	}
	wait(t, "the truncated part to go", func() bool { return onDisk(t, raw) <= 25<<20+metadata })
	mustHold(t, f, numbered(1, 0, 1<<20), 0)
	mustHold(t, other, numbered(2, 0, 24<<20), 0)
	for _, x := range []*File{f, other} {
		x.Close()
		x.Free()
	}
	wait(t, "everything to go", func() bool { return onDisk(t, raw) == 0 })
	if st := fx.Stats(); st.Spill != 0 || st.SpillFile != 0 || st.Memory != 0 || st.Index != 0 {
		t.Errorf("left over: %+v", st)
	}
}

// A sparse file takes what its data takes, in memory and on the disk.
func TestSparseStaysSparse(t *testing.T) {
	fx := newFixture(t, Options{SpillDir: t.TempDir()}, newMarks(0))
	f := fx.file(t)
	for i := range int64(50) {
		mustWrite(t, f, []byte("data"), i<<30+5)
	}
	if err := f.Truncate(1 << 40); err != nil {
		t.Fatal(err)
	}
	fx.spillAll(t, f)
	if a, _ := f.Attr(); a.Blocks != 50*8 || a.Size != 1<<40 {
		t.Errorf("%+v", a)
	}
	if got := onDisk(t, rawSpill(t, fx.Store)); got > 50*pageSize+1<<20 {
		t.Errorf("%d bytes on the disk", got)
	}
	mustHold(t, f, []byte("\x00\x00\x00\x00\x00data\x00"), 7<<30)
	fx.check(t, f)
}

func TestSpillDirErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		dir  string
		want error
	}{
		"missing":          {filepath.Join(t.TempDir(), "none"), unix.ENOENT},
		"not a directory":  {file, unix.ENOTDIR},
		"not for files":    {"/proc/self", unix.ENOENT},
		"not given at all": {"", unix.EINVAL},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(Options{SpillDir: c.dir, Memory: 1 << 20})
			if s != nil || err == nil {
				t.Fatal("made a store")
			}
			msg := err.Error()
			if strings.Contains(msg, "\n") || c.dir != "" && (!strings.Contains(msg, c.dir) || !strings.Contains(msg, "--spill-dir")) {
				t.Errorf("message: %s", msg)
			}
			if name != "not for files" && !errors.Is(err, c.want) {
				t.Errorf("%v is not %v", err, c.want)
			}
		})
	}
	for _, o := range []Options{{SpillDir: "/", Size: -1}, {SpillDir: "/", Memory: -1}, {SpillDir: "/", Memory: memoryMost + 1}} {
		if _, err := New(o); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// Each reason why there can be no spill file comes with what to do about it.
func TestHints(t *testing.T) {
	for err, want := range map[error]string{
		unix.ENOENT: "existing", unix.ENOTDIR: "existing", unix.EACCES: "may write", unix.EROFS: "may write",
		unix.ENOSPC: "make room", unix.EDQUOT: "make room", unix.EIO: "another directory",
	} {
		if got := hint(fmt.Errorf("wrapped: %w", err)); !strings.Contains(got, want) || !strings.Contains(got, "--spill-dir") {
			t.Errorf("%v: %s", err, got)
		}
	}
}

// Spilling from memory to memory is said once at the start.
func TestSpillDirInMemory(t *testing.T) {
	for dir, want := range map[string]bool{"/dev/shm": true, t.TempDir(): isMemory(t, t.TempDir())} {
		log := new(logBuffer)
		s, err := New(Options{SpillDir: dir, Logger: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		if got := strings.Contains(log.String(), "in memory itself"); got != want {
			t.Errorf("%s: warned %v, want %v", dir, got, want)
		}
	}
}

func isMemory(t *testing.T, dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return st.Type == unix.TMPFS_MAGIC
}

// Where there is no O_TMPFILE the file has a name for a moment, and what a killed process left
// is removed.
func TestWithoutTmpfile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, spillPrefix+"LEFTOVER"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openUnlinked(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 || names[0].Name() != "other" {
		t.Errorf("in the spill directory: %v, %v", names, err)
	}
}

// Without direct I/O the kernel is told not to keep what was spilled.
func TestBufferedDisk(t *testing.T) {
	d, err := openSpillFile(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d.setDirect(false)
	fx := newFixture(t, Options{Disk: d}, newMarks(0))
	f := fx.file(t)
	for off := int64(0); off < 16<<20; off += 1 << 20 {
		mustWrite(t, f, numbered(1, off, 1<<20), off)
	}
	fx.spillAll(t, f)
	mustHold(t, f, numbered(1, 0, 16<<20), 0)
	if cached := cachedPages(t, d.f, 16<<20); cached > 256 {
		t.Errorf("the kernel keeps %d pages", cached)
	}
}

// Locked memory is given back and wiped like any other. Where locking is not permitted the store
// says so and works all the same.
func TestNoSwap(t *testing.T) {
	fx := newFixture(t, Options{SpillDir: t.TempDir(), NoSwap: true}, newMarks(0))
	locked := fx.pool.arena.release == madvDontneedLocked
	if warned := strings.Contains(fx.log.String(), "can reach swap"); warned == locked {
		t.Errorf("locked %v, warned %v", locked, warned)
	}
	f := fx.file(t)
	for off := int64(0); off < 16<<20; off += 1 << 20 {
		mustWrite(t, f, numbered(1, off, 1<<20), off)
	}
	mustHold(t, f, numbered(1, 0, 16<<20), 0)
	f.Close()
	f.Free()
	fx.check(t)
	fx.checkWiped(t)
}
