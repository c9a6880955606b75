package promises

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// direct is one aligned block for reading and writing without the page cache.
func direct(t *testing.T) []byte {
	t.Helper()
	block, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	check(t, "mmap", err)
	t.Cleanup(func() { unix.Munmap(block) })
	return block
}

// TestNothingLeftInLoopDevice: a loop device that was set up on a file outlives the mount, but not what was in the file, on
// disk: its own page cache is a copy.
func TestNothingLeftInLoopDevice(t *testing.T) {
	if !harness.Root() {
		t.Fatal("only root sets up loop devices")
	}
	block := direct(t)
	for _, via := range transports() {
		t.Run(via, func(t *testing.T) {
			harness.OnPlanes(t, []string{"--transport=" + via}, func(t *testing.T, m *harness.Mount) {
				if m.User.UID != 0 {
					m.Do(t, func() {}) // root may not look into a user's mount
					return
				}
				file := m.Dir + "/image"
				secret := bytes.Repeat([]byte("secret"), 1<<18)
				check(t, "write", os.WriteFile(file, secret, 0o600))
				out, err := exec.Command("losetup", "-f", "--show", file).CombinedOutput()
				if !check(t, "losetup: "+string(out), err) {
					return
				}
				device := strings.TrimSpace(string(out))
				t.Cleanup(func() { exec.Command("losetup", "-d", device).Run() })
				fd, err := unix.Open(device, unix.O_RDWR|unix.O_DIRECT|unix.O_CLOEXEC, 0)
				check(t, "open "+device, err)
				defer unix.Close(fd)
				_, err = unix.Pread(fd, block, 8192)
				check(t, "read "+device, err)
				if !bytes.Contains(block, []byte("secret")) {
					t.Fatalf("%s has %q", device, block[:16])
				}
				m.Ended()
				check(t, "SIGTERM", unix.Kill(m.PID, unix.SIGTERM))
				m.CheckGone(t)
				for off := range int64(len(secret) / 4096) {
					clear(block)
					unix.Pread(fd, block, off*4096)
					if bytes.Contains(block, []byte("secret")) {
						t.Fatalf("block %d is left", off)
					}
				}
				copy(block, "more")
				if _, err := unix.Pwrite(fd, block, 8192); err == nil {
					t.Error("written after the end")
				}
			})
		})
	}
}
