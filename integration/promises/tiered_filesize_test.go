package promises

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestTieredFileSize: with --file-size, what is beyond it is EFBIG by whatever call, to the byte, what is not fits, and
// nothing that a refused call would have changed is.
func TestTieredFileSize(t *testing.T) {
	const limit = 12*mib + 1000 // more than memory holds, and no whole page
	onTiered(t, []string{"--memory=4MiB", "--size=64MiB", "--file-size=12583912"}, func(t *testing.T, m *harness.Mount, _ string) {
		m.Do(t, func() {
			fd, err := unix.Open(m.Dir+"/f", unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
			if !check(t, "create", err) {
				return
			}
			defer unix.Close(fd)
			for off := int64(0); off < limit; off += mib {
				if n, err := unix.Pwrite(fd, numbers(off, mib), off); err != nil || int64(n) != min(mib, limit-off) {
					t.Errorf("write at %d: %d, %v", off, n, err)
				}
			}
			_, writeErr := unix.Pwrite(fd, []byte("x"), limit)
			_, farErr := unix.Pwrite(fd, []byte("x"), 1<<40)
			_, vectorErr := unix.Pwritev(fd, [][]byte{[]byte("x"), []byte("y")}, limit)
			for what, err := range map[string]error{
				"write at the limit":           writeErr,
				"write far beyond":             farErr,
				"pwritev":                      vectorErr,
				"ftruncate":                    unix.Ftruncate(fd, limit+1),
				"truncate":                     unix.Truncate(m.Dir+"/f", limit+1),
				"fallocate":                    unix.Fallocate(fd, 0, 0, limit+1),
				"fallocate at the limit":       unix.Fallocate(fd, 0, limit, 1),
				"fallocate that keeps the end": unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, limit-1, 2),
			} {
				if !errors.Is(err, unix.EFBIG) {
					t.Errorf("%s: %v, want EFBIG", what, err)
				}
			}
			check(t, "ftruncate to the limit", unix.Ftruncate(fd, limit))
			check(t, "fallocate up to the limit", unix.Fallocate(fd, 0, limit-5, 5))
			holdsNumbers(t, m.Dir+"/f", limit)
			appendToLimit(t, m.Dir+"/f", limit)
			copyToLimit(t, m.Dir, limit)
		})
	})
}

// appendToLimit: O_APPEND writes what fits, and then EFBIG.
func appendToLimit(t *testing.T, name string, limit int64) {
	check(t, "truncate", unix.Truncate(name, limit-3))
	fd, err := unix.Open(name, unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0)
	if !check(t, "open", err) {
		return
	}
	defer unix.Close(fd)
	whole := (limit - 3) / 8 * 8
	if n, err := unix.Write(fd, numbers(whole, 16)[limit-3-whole:]); n != 3 || err != nil {
		t.Errorf("append over the limit: %d, %v, want 3", n, err)
	}
	if n, err := unix.Write(fd, []byte("x")); !errors.Is(err, unix.EFBIG) {
		t.Errorf("append at the limit: %d, %v, want EFBIG", n, err)
	}
	holdsNumbers(t, name, limit)
}

// copyToLimit: copy_file_range copies what fits, and then EFBIG.
func copyToLimit(t *testing.T, dir string, limit int64) {
	from, err := os.Open(dir + "/f")
	if !check(t, "open", err) {
		return
	}
	defer from.Close()
	to, err := os.Create(dir + "/copy")
	if !check(t, "create", err) {
		return
	}
	defer to.Close()
	const shift = 8 * 4097
	off, toOff := int64(0), int64(shift)
	for err == nil && toOff < limit {
		var n int
		n, err = unix.CopyFileRange(int(from.Fd()), &off, int(to.Fd()), &toOff, int(limit), 0)
		if err != nil || n == 0 {
			t.Errorf("copy_file_range at %d: %d, %v", toOff, n, err)
			return
		}
	}
	if n, err := unix.CopyFileRange(int(from.Fd()), &off, int(to.Fd()), &toOff, 10, 0); !errors.Is(err, unix.EFBIG) {
		t.Errorf("copy_file_range at the limit: %d, %v, want EFBIG", n, err)
	}
	got, err := os.ReadFile(dir + "/copy")
	if err != nil || int64(len(got)) != limit || !bytes.Equal(got[shift:], numbers(0, int(limit-shift))) || len(bytes.Trim(got[:shift], "\x00")) != 0 {
		t.Errorf("the copy has %d bytes, %v, or other ones", len(got), err)
	}
}

func holdsNumbers(t *testing.T, name string, size int64) {
	got, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(got, numbers(0, int(size))) {
		t.Errorf("%s: %d bytes, want %d, %v, or other ones", name, len(got), size, err)
	}
}
