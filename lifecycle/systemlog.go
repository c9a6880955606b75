package lifecycle

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"vanishfs/fs/process"
)

const (
	// systemLogSocket takes the machine's log, whether that is syslog or the journal (systemd-journald.service(8)).
	systemLogSocket = "/dev/log"
	// warningOfDaemon is a message's priority (RFC 3164, 4.1.1): facility daemon, 3, and severity warning, 4. The
	// line itself says its level.
	warningOfDaemon = 3*8 + 4
	// systemLogTime is how long a line may wait for a log that is full; then it is dropped: who logs may be
	// answering a request.
	systemLogTime = 10 * time.Millisecond
)

// A systemLog writes lines to the machine's log, as long as there is one.
type systemLog struct {
	path string

	mu   sync.Mutex
	conn *net.UnixConn // nil: not connected; guarded by mu
}

// Write takes one line. It never fails: nobody could be told.
func (s *systemLog) Write(line []byte) (int, error) {
	message := fmt.Sprintf("<%d>%s[%d]: %s", warningOfDaemon, process.Name, os.Getpid(), strings.TrimSuffix(string(line), "\n"))
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sendLocked(message) {
		s.sendLocked(message) // the log may have been started again
	}
	return len(line), nil
}

// sendLocked reports whether the message is sent or dropped; else the connection is of no use any more.
// Precondition: s.mu is held.
func (s *systemLog) sendLocked(message string) bool {
	if s.conn == nil {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.path, Net: "unixgram"})
		if err != nil {
			return true
		}
		s.conn = conn
	}
	s.conn.SetWriteDeadline(time.Now().Add(systemLogTime))
	_, err := s.conn.Write([]byte(message))
	if err == nil || os.IsTimeout(err) {
		return true
	}
	s.conn.Close()
	s.conn = nil
	return false
}

// A sink is where log lines go, which may be another place later.
type sink struct {
	mu sync.Mutex
	to io.Writer // guarded by mu
}

func (s *sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(line)
}

func (s *sink) turn(to io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = to
}
