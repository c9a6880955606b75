package promises

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// A disk is a small ext4 of the test's own, on a loop device that goes with the last mount of it.
type disk struct {
	dir    string // where it is mounted
	image  string // the file that holds it, byte for byte
	device string
	size   int64
	tail   []byte // what the part that fails held
}

// newDisk makes a disk and mounts it until the end of the test. Only for root.
func newDisk(t *testing.T, size int64) *disk {
	t.Helper()
	if !harness.Root() {
		t.Skip("not root: a filesystem cannot be made and mounted")
	}
	d := &disk{
		dir:   harness.Mkdir(t, harness.Current()),
		image: filepath.Join(harness.Mkdir(t, harness.Current()), "image"),
		size:  size,
	}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.image, size); err != nil {
		t.Fatal(err)
	}
	command(t, "mkfs.ext4", "-q", "-b", "4096", "-m", "0", "-O", "^has_journal", d.image)
	command(t, "mount", "-o", "loop", d.image, d.dir)
	t.Cleanup(func() { command(t, "umount", d.dir) })
	d.device = command(t, "findmnt", "-n", "-o", "SOURCE", d.dir)
	return d
}

// command runs a program that has to succeed and returns what it says.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// free is how many blocks are not in use.
func (d *disk) free(t *testing.T) uint64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(d.dir, &st); err != nil {
		t.Fatal(err)
	}
	return st.Bfree
}

// checkUnused waits for the disk to be as it was made, with free blocks.
func (d *disk) checkUnused(t *testing.T, free uint64) {
	t.Helper()
	// A killed process shows as a zombie when its first thread has ended; its files are closed with the last one.
	harness.Eventually(t, "all space of the disk is free", func() bool { return d.free(t) == free },
		func() string { return fmt.Sprintf("%d blocks, were %d", d.free(t), free) })
	d.checkNothing(t)
}

// checkNothing: no name is on the disk.
func (d *disk) checkNothing(t *testing.T) {
	t.Helper()
	if names, err := os.ReadDir(d.dir); err != nil || len(names) != 1 || names[0].Name() != "lost+found" {
		t.Errorf("on the disk: %v, %v", names, err)
	}
}

// read maps all that is on the disk, used or not, for f.
func (d *disk) read(t *testing.T, f func(raw []byte)) {
	t.Helper()
	image, err := os.Open(d.image)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	raw, err := unix.Mmap(int(image.Fd()), 0, int(d.size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(raw)
	f(raw)
}

// fail has every request to what is at from and behind it fail with EIO, reads and writes: the device becomes
// shorter under its filesystem (block/blk-core.c, bio_check_eod).
func (d *disk) fail(t *testing.T, from int64) {
	t.Helper()
	command(t, "fsfreeze", "-f", d.dir) // nothing is written meanwhile
	defer exec.Command("fsfreeze", "-u", d.dir).Run()
	d.read(t, func(raw []byte) { d.tail = append([]byte(nil), raw[from:]...) })
	if err := os.Truncate(d.image, from); err != nil {
		t.Fatal(err)
	}
	command(t, "losetup", "-c", d.device)
}

// heal ends fail: what was on the disk is there again.
func (d *disk) heal(t *testing.T) {
	t.Helper()
	image, err := os.OpenFile(d.image, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	if _, err := image.WriteAt(d.tail, d.size-int64(len(d.tail))); err != nil {
		t.Fatal(err)
	}
	command(t, "losetup", "-c", d.device)
	d.tail = nil
}
