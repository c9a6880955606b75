package transport

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// daemonVariable makes the test binary a daemon that serves a memFS: "transport dir".
const daemonVariable = "VANISHFS_TEST_DAEMON"

func daemon(order string) error {
	var o Options
	var dir string
	if _, err := fmt.Sscan(order, &o.Transport, &dir); err != nil {
		return err
	}
	dev, err := OpenDevice()
	if err != nil {
		return err
	}
	s, err := NewServer(dev, newMemFS(), o)
	if err != nil {
		return err
	}
	if err := Mount(dev, dir, MountOptions{}); err != nil {
		return err
	}
	if err := s.Handshake(); err != nil {
		return err
	}
	fmt.Println(s.Features().Transport)
	return s.Serve()
}

// TestKilledDaemon: nobody waits for a daemon that was killed in full swing,
// and its mount is recognised for what it is.
func TestKilledDaemon(t *testing.T) { eachTransport(t, testKilledDaemon) }

func testKilledDaemon(t *testing.T, o Options) {
	dir := t.TempDir()
	for range 3 {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s", daemonVariable, o.Transport, dir))
		out, err := cmd.StdoutPipe()
		must(t, err)
		cmd.Stderr = t.Output()
		must(t, cmd.Start())
		if transport, err := bufio.NewReader(out).ReadString('\n'); transport != o.Transport+"\n" {
			t.Fatalf("the daemon serves over %q: %v", transport, err)
		}
		callers := []*exec.Cmd{startStorm(t, dir), startStorm(t, dir)}
		until(t, "the callers are at work", func() bool {
			names, err := os.ReadDir(dir)
			return err == nil && len(names) > 0
		})
		end(cmd)
		for _, c := range callers {
			end(c) // waits for ever if one still waits for the daemon
		}
		if _, err := os.Stat(filepath.Join(dir, "file")); !errors.Is(err, syscall.ENOTCONN) && !errors.Is(err, syscall.ECONNABORTED) {
			t.Errorf("stat without a daemon: %v", err)
		}
		if !isStale(dir) {
			t.Error("the mount is not recognised as stale")
		}
		must(t, Unmount(dir, false))
	}
}

// mountUnserved is a server that has mounted and shaken hands, but does not serve yet.
func mountUnserved(t *testing.T, o Options) (s *Server, dir string) {
	t.Helper()
	dev, err := OpenDevice()
	must(t, err)
	dir = t.TempDir()
	must(t, Mount(dev, dir, MountOptions{}))
	t.Cleanup(func() { Unmount(dir, true) })
	s, err = NewServer(dev, newMemFS(), o)
	must(t, err)
	must(t, s.Handshake())
	return s, dir
}

// TestAbortBeforeServe: an end that comes too early is not lost.
func TestAbortBeforeServe(t *testing.T) {
	eachTransport(t, func(t *testing.T, o Options) {
		s, _ := mountUnserved(t, o)
		s.Abort()
		must(t, s.Serve())
		s.Abort()
	})
}
