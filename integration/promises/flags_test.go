package promises

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

const nodumpFlag = 0x40 // FS_NODUMP_FL

// TestFlags: a flag that can be held is set and shown, as on tmpfs, and every other one is refused.
func TestFlags(t *testing.T) {
	harness.OnPlanes(t, nil, func(t *testing.T, m *harness.Mount) {
		m.Do(t, func() {
			f, d := m.Dir+"/f", m.Dir+"/d"
			check(t, "create", os.WriteFile(f, []byte("x"), 0o600))
			check(t, "mkdir", os.Mkdir(d, 0o700))
			for _, path := range []string{f, d} {
				fd, err := unix.Open(path, unix.O_RDONLY, 0)
				if !check(t, "open", err) {
					return
				}
				defer unix.Close(fd)
				for _, flags := range []uint32{0, nodumpFlag, 0, nodumpFlag} {
					check(t, "FS_IOC_SETFLAGS", unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, int(flags)))
					if got, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS); got != flags || err != nil {
						t.Errorf("%s: flags %#x set, %#x shown, %v", path, flags, got, err)
					}
				}
				// Immutable, append, noatime, compress.
				for _, flags := range []int{0x10, 0x20, 0x80, 0x4} {
					// Who may not set the first two is told so by the kernel.
					if err := unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, flags); err != unix.EOPNOTSUPP && err != unix.EPERM {
						t.Errorf("%s: flag %#x: %v", path, flags, err)
					}
				}
				if got, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS); got != nodumpFlag || err != nil {
					t.Errorf("%s: flags after what was refused: %#x, %v", path, got, err)
				}
			}
		})
		if out := m.Sh(t, `lsattr -d "$D/f" "$D/d" | grep -c -- '^---*d---'; chattr -d "$D/f"; lsattr -l "$D/f" | grep -c -- ---; lsattr -d "$D/.vanish" > /dev/null`); out != "2\n1" {
			t.Errorf("lsattr says %q", out)
		}
	})
}
