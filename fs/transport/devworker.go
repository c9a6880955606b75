package transport

import (
	"encoding/binary"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// A devWorker is a request with a buffer that messages are read into. The
// payload of a reply has its place in the same buffer, behind the message.
type devWorker struct {
	*Server
	request
	buf []byte // mapped; messageHeader + MaxWrite bytes
}

func (s *Server) newDevWorker() (*devWorker, error) {
	buf, err := newBuffer(messageHeader + s.options.MaxWrite)
	if err != nil {
		return nil, err
	}
	w := &devWorker{Server: s, buf: buf}
	w.cancel = make(chan struct{})
	s.dispatcher.interrupts.add(&w.request)
	return w, nil
}

// callerOf is the thread a message comes from; 0 is none that waits.
func callerOf(msg []byte) uint32 {
	if len(msg) < inHeaderSize {
		return 0
	}
	return binary.NativeEndian.Uint32(msg[32:])
}

func (w *devWorker) free() {
	w.dispatcher.interrupts.remove(&w.request)
	freeBuffer(w.buf)
}

// take finds the operation of the message in the first n bytes of the buffer.
func (w *devWorker) take(n int) (op *operation, ok bool) {
	// Messages with much data have short replies, and the other way round; only
	// IOCTL has both, and not much of either (14 bits of size).
	w.payload = w.buf[max(messageHeader, (n+7)&^7):]
	return w.load(w.buf[:n])
}

// paceOf is the pace of what was taken.
func (w *devWorker) paceOf(op *operation, ok bool) pace {
	if !ok {
		return quick
	}
	return op.paceOf(w.dispatcher, &w.request)
}

// answer answers what was taken. A request that may wait for others goes on in
// a goroutine of its own, and the worker that is returned takes its place.
func (w *devWorker) answer(op *operation, ok bool) (next *devWorker) {
	if ok && op.pace == waits {
		next, err := w.newDevWorker()
		if err == nil {
			w.busy.Add(1)
			go w.finish(op)
			return next
		}
		w.status, ok = fuse.Status(unix.ENOMEM), false
	}
	if ok {
		w.dispatcher.run(op, &w.request)
	}
	w.send(op)
	return w
}

// finish runs a request that was handed off.
func (w *devWorker) finish(op *operation) {
	defer w.busy.Done()
	defer w.free()
	w.dispatcher.run(op, &w.request)
	w.send(op)
}

// send replies, and takes back what a reply granted that the kernel did not take.
func (w *devWorker) send(op *operation) {
	if w.quiet {
		return
	}
	w.pack()
	errno := writeMessage(w.fd, w.fixed(), w.reply)
	if errno == 0 {
		return
	}
	w.dispatcher.undo(op, &w.request)
	if !w.expected(errno) {
		w.log.Error("kernel refuses a reply", "opcode", w.header().Opcode, "status", w.status, "error", errno)
	}
}

// expected says whether a reply may fail like this: ENOENT is a request that
// is no longer waited for (fs/fuse/dev.c, fuse_dev_do_write), the rest is a
// connection that is over.
func (w *devWorker) expected(errno syscall.Errno) bool {
	return errno == unix.ENOENT || errno == unix.ENODEV || errno == unix.EPERM || w.ended.Load()
}
