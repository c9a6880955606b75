package run

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
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
	ours, theirs, err := process.NewSocket()
	return line(ours), line(theirs), err
}

func (l line) close() { unix.Close(int(l)) }

// send says m. It fails when the other end is closed, which its reader will notice anyway.
func (l line) send(m message) error {
	data := binary.LittleEndian.AppendUint32([]byte{byte(m.kind)}, uint32(m.number))
	data = append(data, m.text[:min(len(m.text), maxText)]...)
	var fds []int
	if m.kind == msgMount || m.kind == msgMaps {
		fds = []int{m.fd}
	}
	return process.Send(int(l), data, fds...)
}

// receive waits for the next message; io.EOF when the other end is closed.
func (l line) receive() (message, error) {
	data := make([]byte, 5+maxText)
	n, fds, err := process.Receive(int(l), data, 1, 0)
	switch {
	case err == io.EOF:
		return message{}, err
	case err != nil:
		return message{}, fmt.Errorf("recvmsg: %w", err)
	case n < 5:
		return message{}, errors.New("short message")
	}
	m := message{kind: kind(data[0]), number: int(binary.LittleEndian.Uint32(data[1:])), text: string(data[5:n]), fd: -1}
	if len(fds) == 1 {
		m.fd = fds[0]
	}
	return m, nil
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
