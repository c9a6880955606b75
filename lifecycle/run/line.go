package run

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// A line is one end of a socket pair between two of the processes. Its end of
// file is the other one's death, or its last word.
type line int

// kind is what a message says; from whom to whom is in the comment.
type kind byte

const (
	msgFailed     kind = iota + 1 // daemon or init to front: number is the exit code, text says why
	msgStarted                    // init to front: number is CMD's pid
	msgStopped                    // init to front: CMD was stopped
	msgCommandEnd                 // init to front: CMD has ended, number is its wait status; others may still run
	msgSignal                     // front to init: pass signal number on to CMD
	msgEnd                        // front or daemon to init: end the session, as for SIGTERM
	msgMount                      // daemon to init: the mount, as a descriptor
	msgMaps                       // daemon to init: a line for questions, as a descriptor; see maps.go
	msgReady                      // daemon to init: the mount is served
	msgDone                       // init to daemon: nobody is left to serve
	msgQuestion                   // daemon to init, on the line for it: does pid number map inode text? And the answer, 0 or 1
)

type message struct {
	kind   kind
	number int
	text   string
	fd     int // -1 if there is none; the receiver's to close
}

// maxText is how long a text may be; longer ones are cut.
const maxText = 4096

func newLine() (a, b line, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, fmt.Errorf("socketpair: %w", err)
	}
	return line(fds[0]), line(fds[1]), nil
}

func (l line) close() { unix.Close(int(l)) }

// send says m. It fails when the other end is closed, which its reader will notice anyway.
func (l line) send(m message) error {
	data := binary.LittleEndian.AppendUint32([]byte{byte(m.kind)}, uint32(m.number))
	data = append(data, m.text[:min(len(m.text), maxText)]...)
	var rights []byte
	if m.kind == msgMount || m.kind == msgMaps {
		rights = unix.UnixRights(m.fd)
	}
	for {
		err := unix.Sendmsg(int(l), data, rights, nil, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err
		}
	}
}

// receive waits for the next message; io.EOF when the other end is closed.
func (l line) receive() (message, error) {
	data := make([]byte, 5+maxText)
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(int(l), data, oob, unix.MSG_CMSG_CLOEXEC)
	// ECONNRESET says, once, that the other end was closed before it had read everything. What it
	// said itself comes afterwards (net/core/datagram.c, __skb_try_recv_datagram).
	for err == unix.EINTR || err == unix.ECONNRESET {
		n, oobn, _, _, err = unix.Recvmsg(int(l), data, oob, unix.MSG_CMSG_CLOEXEC)
	}
	switch {
	case err == nil && n == 0:
		return message{}, io.EOF
	case err != nil:
		return message{}, fmt.Errorf("recvmsg: %w", err)
	case n < 5:
		return message{}, errors.New("short message")
	}
	m := message{kind: kind(data[0]), number: int(binary.LittleEndian.Uint32(data[1:])), text: string(data[5:n]), fd: -1}
	if oobn > 0 {
		m.fd, err = oneRight(oob[:oobn])
	}
	return m, err
}

func oneRight(oob []byte) (int, error) {
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1, err
	}
	for _, c := range list {
		if fds, err := unix.ParseUnixRights(&c); err == nil && len(fds) == 1 {
			return fds[0], nil
		}
	}
	return -1, errors.New("no descriptor came with the message")
}

// listen receives in the background until the end of file, which closes the channel.
func (l line) listen() <-chan message {
	c := make(chan message)
	go func() {
		defer close(c)
		for {
			m, err := l.receive()
			if err != nil {
				return
			}
			c <- m
		}
	}()
	return c
}
