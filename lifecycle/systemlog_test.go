package lifecycle

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func listenLog(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	log, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func readLog(t *testing.T, log *net.UnixConn) string {
	t.Helper()
	log.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 4096)
	n, err := log.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// Lines reach the machine's log, also one that comes later or was started again.
func TestSystemLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	to := &sink{to: &strings.Builder{}}
	logger := NewLogger(to, false, false)
	logger.Warn("before")
	to.turn(&systemLog{path: path})
	logger.Warn("to nobody")
	for range 2 {
		log := listenLog(t, path)
		logger.Warn("something", "why", "a reason")
		got := readLog(t, log)
		if want := fmt.Sprintf("<28>vanishfs[%d]: ", os.Getpid()); !strings.HasPrefix(got, want) {
			t.Errorf("%q does not begin with %q", got, want)
		}
		if !strings.HasSuffix(got, `level=WARN msg=something why="a reason"`) {
			t.Errorf("got %q", got)
		}
		log.Close()
		os.Remove(path)
	}
}

// A log that nobody reads keeps nobody from going on.
func TestSystemLogFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log := listenLog(t, path)
	s := &systemLog{path: path}
	const lines = 300 // more than a socket takes (net.unix.max_dgram_qlen)
	began := time.Now()
	for i := range lines {
		fmt.Fprintf(s, "line %d\n", i)
	}
	if took := time.Since(began); took > lines*systemLogTime+10*time.Second {
		t.Errorf("%d lines took %v", lines, took)
	}
	if got := readLog(t, log); !strings.HasSuffix(got, ": line 0") {
		t.Errorf("got %q", got)
	}
}
