package load

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReadSpill plays the daemon: a status, and a file without a name on the disk.
func TestReadSpill(t *testing.T) {
	dir := t.TempDir()
	if err := writeTo(filepath.Join(dir, ".vanish", "status"), []byte(`{"used":3145728,"memory_used":1048576}`)); err != nil {
		t.Fatal(err)
	}
	if s, err := readSpill(dir, os.Getpid()); err == nil {
		t.Errorf("a spill file without one: %+v", s)
	}
	fd, err := unix.Open("/var/tmp", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	const hole = 5 * mebi // ends the first extent
	for off := int64(0); off <= hole; off += hole {
		if _, err := unix.Pwrite(fd, noise(mebi), off); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Fsync(fd); err != nil { // until then space can be reserved only
		t.Fatal(err)
	}
	s, err := readSpill(dir, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if s.stored != 2*mebi || s.space < 2*mebi || s.space > 3*mebi || s.extents < 2 {
		t.Errorf("%+v", s)
	}
	if s.ratio() < 1 || s.ratio() > 1.5 {
		t.Errorf("ratio %v", s.ratio())
	}
}

func TestSpillOfNothingIsNoRatio(t *testing.T) {
	dir := t.TempDir()
	if err := writeTo(filepath.Join(dir, ".vanish", "status"), []byte(`{"used":4096,"memory_used":1048576}`)); err != nil {
		t.Fatal(err)
	}
	if s, err := readSpill(dir, os.Getpid()); err == nil {
		t.Errorf("%+v", s)
	}
}
