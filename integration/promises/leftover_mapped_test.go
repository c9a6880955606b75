package promises

import (
	"bytes"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// A holder has a file open and mapped in all ways.
type holder struct {
	fd              int
	shared, private []byte
	copied          []byte // private and stored to: the holder's own
}

const heldText = "secret"

// hold makes a file of three pages and holds it.
func hold(t *testing.T, path string) *holder {
	t.Helper()
	h := &holder{}
	var err error
	h.fd, err = unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	check(t, "create", err)
	_, err = unix.Pwrite(h.fd, bytes.Repeat([]byte(heldText), 2048), 0)
	check(t, "write", err)
	const length = 3 * 4096
	h.shared, err = unix.Mmap(h.fd, 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	check(t, "map shared", err)
	h.private, err = unix.Mmap(h.fd, 0, length, unix.PROT_READ, unix.MAP_PRIVATE)
	check(t, "map private", err)
	h.copied, err = unix.Mmap(h.fd, 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	check(t, "map private", err)
	h.copied[0] = 'S'
	h.shared[4096] = 'X'
	if h.private[4096] != 'X' || h.private[0] != 's' {
		t.Fatalf("mapped are %q and %q", h.private[4096], h.private[0])
	}
	return h
}

func (h *holder) close() {
	for _, m := range [][]byte{h.shared, h.private, h.copied} {
		unix.Munmap(m)
	}
	unix.Close(h.fd)
}

// load is the byte at b, or ok is false if SIGBUS says that there is none.
func load(b *byte) (value byte, ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			value, ok = 0, false
		}
	}()
	return *b, true
}

// checkEmpty shows that nothing is left for the holder but what it has stored itself.
func (h *holder) checkEmpty(t *testing.T) {
	t.Helper()
	buf := make([]byte, 6)
	if n, _ := unix.Pread(h.fd, buf, 0); n > 0 && string(buf[:n]) != string(make([]byte, n)) {
		t.Errorf("read %q", buf[:n])
	}
	if n, err := unix.Pwrite(h.fd, []byte("more"), 0); err == nil {
		t.Errorf("%d bytes written", n)
	}
	for name, m := range map[string][]byte{"shared": h.shared, "private": h.private} {
		for page := range 3 {
			if value, ok := load(&m[page*4096]); ok {
				t.Errorf("page %d of the %s mapping has %q", page, name, value)
			}
		}
	}
	if value, ok := load(&h.copied[0]); ok && value != 'S' {
		t.Errorf("the holder's own page has %q", value) // where the file was truncated it goes too, as on tmpfs
	}
	if value, ok := load(&h.copied[2*4096]); ok {
		t.Errorf("page 2 of the mapping that was stored to has %q", value)
	}
}

// TestNothingMappedAfterwards: at the end of a mount, a mapping raises SIGBUS, except where its
// holder has stored to a private one.
func TestNothingMappedAfterwards(t *testing.T) {
	for name, end := range map[string]func(m *harness.Mount) error{
		"SIGTERM": func(m *harness.Mount) error { return unix.Kill(m.PID, unix.SIGTERM) },
		"force": func(m *harness.Mount) error {
			unix.Unmount(m.Dir, unix.MNT_FORCE)
			return unix.Unmount(m.Dir, unix.MNT_DETACH)
		},
	} {
		for _, via := range transports() {
			t.Run(name+"/"+via, func(t *testing.T) {
				harness.OnPlanes(t, []string{"--transport=" + via}, func(t *testing.T, m *harness.Mount) {
					if name == "force" && m.User.UID != 0 && !harness.Root() {
						return // only root may
					}
					var h *holder
					m.Do(t, func() { h = hold(t, m.Dir+"/file") })
					defer h.close()
					m.Ended()
					check(t, "end", end(m))
					m.CheckGone(t)
					h.checkEmpty(t)
				})
			})
		}
	}
}
