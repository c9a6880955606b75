package process

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Send sends one message, with copies of fds, and no SIGPIPE where the other end is closed.
func Send(socket int, data []byte, fds ...int) error {
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	for {
		err := unix.Sendmsg(socket, data, rights, nil, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err
		}
	}
}

// Receive takes one message into data, and the descriptors that came with it, at most so many, close-on-exec. flags are
// those of recvmsg(2); io.EOF says that the other end is closed.
func Receive(socket int, data []byte, most, flags int) (n int, fds []int, err error) {
	oob := make([]byte, unix.CmsgSpace(4*most))
	var oobn int
	for {
		n, oobn, _, _, err = unix.Recvmsg(socket, data, oob, flags|unix.MSG_CMSG_CLOEXEC)
		// ECONNRESET says, once, that the other end was closed before it had read everything. What it
		// said itself comes afterwards (net/core/datagram.c, __skb_try_recv_datagram).
		if err != unix.EINTR && err != unix.ECONNRESET {
			break
		}
	}
	switch {
	case err != nil:
		return 0, nil, err
	case n == 0 && oobn == 0:
		return 0, nil, io.EOF
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return n, nil, fmt.Errorf("descriptors in a message: %w", err)
	}
	for _, m := range messages {
		list, err := unix.ParseUnixRights(&m)
		if err != nil {
			return n, fds, fmt.Errorf("descriptors in a message: %w", err)
		}
		fds = append(fds, list...)
	}
	return n, fds, nil
}
