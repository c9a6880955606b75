package promises

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestNothingToReadAfterwards: at the end of a mount by signal, a descriptor that is still open, with a
// name or without, gives nothing to read and takes nothing.
func TestNothingToReadAfterwards(t *testing.T) {
	transports := []string{"dev"}
	if harness.Uring() {
		transports = append(transports, "uring")
	}
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			harness.OnPlanes(t, []string{"--transport=" + transport}, func(t *testing.T, m *harness.Mount) {
				var fds []int
				m.Do(t, func() {
					for _, name := range []string{"named", "unnamed"} {
						fd, err := unix.Open(m.Dir+"/"+name, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
						check(t, "create", err)
						_, err = unix.Pwrite(fd, []byte("secret"), 0)
						check(t, "write", err)
						_, err = unix.Pread(fd, make([]byte, 6), 0)
						check(t, "read", err)
						fds = append(fds, fd)
					}
					check(t, "unlink", unix.Unlink(m.Dir+"/unnamed"))
				})
				m.Ended()
				check(t, "SIGTERM", unix.Kill(m.PID, unix.SIGTERM))
				m.CheckGone(t)
				for _, fd := range fds {
					buf := make([]byte, 6)
					if n, _ := unix.Pread(fd, buf, 0); n > 0 && string(buf[:n]) != string(make([]byte, n)) {
						t.Errorf("read %q", buf[:n])
					}
					if n, err := unix.Pwrite(fd, []byte("more"), 0); err == nil {
						t.Errorf("%d bytes written", n)
					}
					unix.Close(fd)
				}
			})
		})
	}
}

// TestNothingToReadAfterRun: what a session has handed out.
func TestNothingToReadAfterRun(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		socket := harness.Mkdir(t, u) + "/socket"
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		check(t, "socket", err)
		defer unix.Close(fd)
		check(t, "bind", unix.Bind(fd, &unix.SockaddrUnix{Name: socket}))
		check(t, "chmod", os.Chmod(socket, 0o777))
		script := `import socket, os, sys
f = os.open("/tmp/f", os.O_RDWR | os.O_CREAT); os.write(f, b"secret"); os.pread(f, 6, 0)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect(sys.argv[1]); socket.send_fds(s, [b"x"], [f])`
		newSession(t, u, nil, python(t), "-c", script, socket).runOutput(t)
		oob := make([]byte, unix.CmsgSpace(4))
		_, n, _, _, err := unix.Recvmsg(fd, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
		check(t, "receive", err)
		messages, err := unix.ParseSocketControlMessage(oob[:n])
		check(t, "message", err)
		got, err := unix.ParseUnixRights(&messages[0])
		check(t, "rights", err)
		defer unix.Close(got[0])
		buf := make([]byte, 6)
		if n, _ := unix.Pread(got[0], buf, 0); n > 0 && string(buf[:n]) != string(make([]byte, n)) {
			t.Errorf("read %q", buf[:n])
		}
		if n, err := unix.Pwrite(got[0], []byte("more"), 0); err == nil {
			t.Errorf("%d bytes written", n)
		}
	})
}

func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("/usr/bin/python3")
	check(t, "python3", err)
	return path
}
