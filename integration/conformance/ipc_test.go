package conformance

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var ipcCases = map[string]harness.Case{
	"FifoTransfers":  fifoTransfers,
	"FifoNonblock":   fifoNonblock,
	"SocketStream":   socketStream,
	"SocketDatagram": socketDatagram,
	"SocketStale":    socketStale,
	"SocketErrors":   socketErrors,
	"SocketRenamed":  socketRenamed,
}

func fifoTransfers(t *testing.T, tree harness.Tree) {
	p := tree.Dir + "/p"
	ok(t, "mkfifo", unix.Mkfifo(p, 0o600))
	data := pattern(200_000)
	sent := make(chan error, 1)
	go func() { sent <- os.WriteFile(p, data, 0) }() // opening blocks until there is a reader
	got, err := os.ReadFile(p)
	ok(t, "read", err)
	ok(t, "write", <-sent)
	if string(got) != string(data) {
		t.Errorf("%d bytes came through", len(got))
	}
	if st := lstat(t, p); st.Size != 0 || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		t.Errorf("size %d, mode %#o", st.Size, st.Mode)
	}
}

func fifoNonblock(t *testing.T, tree harness.Tree) {
	p := tree.Dir + "/p"
	ok(t, "mkfifo", unix.Mkfifo(p, 0o600))
	_, err := unix.Open(p, unix.O_WRONLY|unix.O_NONBLOCK, 0)
	wantErrno(t, "writer without a reader", err, unix.ENXIO)
	r := open(t, p, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	w := open(t, p, unix.O_WRONLY|unix.O_NONBLOCK, 0)
	_, err = unix.Read(r, make([]byte, 1))
	wantErrno(t, "nothing there", err, unix.EAGAIN)
	_, err = unix.Write(w, []byte("x"))
	ok(t, "write", err)
	fds := []unix.PollFd{{Fd: int32(r), Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, 5000); n != 1 || err != nil || fds[0].Revents&unix.POLLIN == 0 {
		t.Errorf("poll: %d, %v, %#x", n, err, fds[0].Revents)
	}
	// Unlinked, it goes on.
	ok(t, "unlink", unix.Unlink(p))
	buf := make([]byte, 5)
	if n, err := unix.Read(r, buf); n != 1 || err != nil {
		t.Errorf("read: %d, %v", n, err)
	}
	_, err = unix.Seek(r, 0, unix.SEEK_SET)
	wantErrno(t, "seek", err, unix.ESPIPE)
}

// inDir runs f with tree.Dir as working directory, because a socket's address has 108 bytes.
func inDir(t *testing.T, tree harness.Tree, f func()) {
	t.Helper()
	onThread(t, func() {
		if err := unix.Chdir(tree.Dir); err != nil {
			t.Error(err)
			return
		}
		f()
	})
}

func socket(t *testing.T, kind int) int {
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Errorf("socket: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func socketStream(t *testing.T, tree harness.Tree) {
	inDir(t, tree, func() {
		l, err := net.Listen("unix", "s")
		if err != nil {
			t.Errorf("listen: %v", err)
			return
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				io.Copy(c, c)
				c.Close()
			}
		}()
		for range 20 {
			fd := socket(t, unix.SOCK_STREAM)
			if err := unix.Connect(fd, &unix.SockaddrUnix{Name: "s"}); err != nil {
				t.Errorf("connect: %v", err)
				return
			}
			unix.Write(fd, []byte("echo"))
			unix.Shutdown(fd, unix.SHUT_WR)
			buf := make([]byte, 10)
			if n, err := unix.Read(fd, buf); string(buf[:max(n, 0)]) != "echo" {
				t.Errorf("got %q, %v", buf[:max(n, 0)], err)
			}
		}
		var st unix.Stat_t
		if err := unix.Stat("s", &st); err != nil || st.Mode != unix.S_IFSOCK|wantMode(tree, 0o755) {
			t.Errorf("socket has mode %#o, %v", st.Mode, err)
		}
	})
}

func socketDatagram(t *testing.T, tree harness.Tree) {
	inDir(t, tree, func() {
		a, b := socket(t, unix.SOCK_DGRAM), socket(t, unix.SOCK_DGRAM)
		if err := errors.Join(unix.Bind(a, &unix.SockaddrUnix{Name: "a"}), unix.Bind(b, &unix.SockaddrUnix{Name: "b"})); err != nil {
			t.Errorf("bind: %v", err)
			return
		}
		if err := unix.Sendto(a, []byte("hello"), 0, &unix.SockaddrUnix{Name: "b"}); err != nil {
			t.Errorf("send: %v", err)
			return
		}
		buf := make([]byte, 10)
		n, from, err := unix.Recvfrom(b, buf, 0)
		if sa, isUnix := from.(*unix.SockaddrUnix); err != nil || string(buf[:n]) != "hello" || !isUnix || sa.Name != "a" {
			t.Errorf("got %q from %v, %v", buf[:n], from, err)
		}
	})
}

// A socket file whose server is gone refuses, is in the way of bind, and can be removed and bound again.
func socketStale(t *testing.T, tree harness.Tree) {
	inDir(t, tree, func() {
		s := socket(t, unix.SOCK_STREAM)
		addr := &unix.SockaddrUnix{Name: "s"}
		if err := errors.Join(unix.Bind(s, addr), unix.Listen(s, 1)); err != nil {
			t.Errorf("bind: %v", err)
			return
		}
		unix.Close(s)
		wantErrno(t, "connect to a stale socket", unix.Connect(socket(t, unix.SOCK_STREAM), addr), unix.ECONNREFUSED)
		again := socket(t, unix.SOCK_STREAM)
		wantErrno(t, "bind over it", unix.Bind(again, addr), unix.EADDRINUSE)
		if err := errors.Join(unix.Unlink("s"), unix.Bind(again, addr), unix.Listen(again, 1)); err != nil {
			t.Errorf("bind again: %v", err)
			return
		}
		if err := unix.Connect(socket(t, unix.SOCK_STREAM), addr); err != nil {
			t.Errorf("connect: %v", err)
		}
	})
}

func socketErrors(t *testing.T, tree harness.Tree) {
	inDir(t, tree, func() {
		wantErrno(t, "nothing there", unix.Connect(socket(t, unix.SOCK_STREAM), &unix.SockaddrUnix{Name: "no"}), unix.ENOENT)
		if err := os.WriteFile("f", nil, 0o600); err != nil {
			t.Error(err)
		}
		wantErrno(t, "a file", unix.Connect(socket(t, unix.SOCK_STREAM), &unix.SockaddrUnix{Name: "f"}), unix.ECONNREFUSED)
		wantErrno(t, "bind below a file", unix.Bind(socket(t, unix.SOCK_STREAM), &unix.SockaddrUnix{Name: "f/s"}), unix.ENOTDIR)
		wantErrno(t, "bind over a file", unix.Bind(socket(t, unix.SOCK_STREAM), &unix.SockaddrUnix{Name: "f"}), unix.EADDRINUSE)
		_, err := unix.Open("s", unix.O_RDONLY, 0)
		wantErrno(t, "no socket yet", err, unix.ENOENT)
		if err := unix.Bind(socket(t, unix.SOCK_STREAM), &unix.SockaddrUnix{Name: strings.Repeat("s", 107)}); err != nil {
			t.Errorf("a name of 107 bytes: %v", err)
		}
		_, err = unix.Open(strings.Repeat("s", 107), unix.O_RDWR, 0)
		wantErrno(t, "open of a socket", err, unix.ENXIO)
	})
}

// ssh-agent and X bind under a temporary name and rename.
func socketRenamed(t *testing.T, tree harness.Tree) {
	inDir(t, tree, func() {
		s := socket(t, unix.SOCK_STREAM)
		if err := errors.Join(unix.Bind(s, &unix.SockaddrUnix{Name: "tmp"}), unix.Listen(s, 1), unix.Rename("tmp", "final")); err != nil {
			t.Error(err)
			return
		}
		c := socket(t, unix.SOCK_STREAM)
		tv := unix.NsecToTimeval(int64(5 * time.Second))
		unix.SetsockoptTimeval(c, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv)
		if err := unix.Connect(c, &unix.SockaddrUnix{Name: "final"}); err != nil {
			t.Errorf("connect after rename: %v", err)
		}
	})
}
