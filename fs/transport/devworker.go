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
	op  *operation // while it is not a reader's
	buf []byte     // mapped; messageHeader + MaxWrite bytes
}

// spareWorkers is how many workers are kept for requests that are to be handed off: the memory of their
// buffers is there already.
const spareWorkers = 8

func (s *Server) newDevWorker() (*devWorker, error) {
	select {
	case w := <-s.spare:
		s.dispatcher.interrupts.add(&w.request)
		return w, nil
	default:
	}
	buf, err := newBuffer(messageHeader + s.options.MaxWrite)
	if err != nil {
		return nil, err
	}
	w := &devWorker{Server: s, buf: buf}
	w.cancel = make(chan struct{})
	w.turn.goOn, w.turn.gone = w.goOn, func() bool { return w.cancels && w.interrupted() }
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
	if w.running.Load() != 0 { // it was dropped in line, and its cancel channel may be closed
		freeBuffer(w.buf)
		return
	}
	select {
	case w.spare <- w:
	default:
		freeBuffer(w.buf)
	}
}

// dropSpares gives the memory of the spare workers back. No worker is at work any more.
func (s *Server) dropSpares() {
	for {
		select {
		case w := <-s.spare:
			freeBuffer(w.buf)
		default:
			return
		}
	}
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

// answer answers what was taken. A request that may wait for others, or has to wait for its turn, goes on
// in a goroutine of its own, and the worker that is returned takes its place.
func (w *devWorker) answer(op *operation, ok bool, p pace) (next *devWorker) {
	if !ok {
		w.send(op)
		return w
	}
	turns := w.dispatcher.turnsOf(p)
	switch {
	case p == waits:
		next, err := w.newDevWorker()
		if err == nil {
			w.op = op
			w.busy.Add(1)
			go w.finish()
			return next
		}
		w.status = fuse.Status(unix.ENOMEM)
	case turns == nil:
		w.dispatcher.run(op, &w.request)
	case w.dispatcher.mayGoOn(&w.request, turns):
		w.dispatcher.run(op, &w.request)
		defer turns.give(&w.turn)
	default:
		if next := w.wait(op, turns); next != nil {
			return next
		}
		w.dispatcher.run(op, &w.request)
	}
	w.send(op)
	return w
}

// wait leaves the request to its turn; nil if that is not to be, and it has to keep its reader.
func (w *devWorker) wait(op *operation, turns *turns) (next *devWorker) {
	if turns.crowded() {
		return nil
	}
	next, err := w.newDevWorker()
	if err != nil {
		return nil
	}
	w.op = op
	w.busy.Add(1)
	w.dispatcher.wait(op, &w.request, turns)
	return next
}

// goOn is the turn of a request that had to wait for it.
func (w *devWorker) goOn() {
	defer w.busy.Done()
	defer w.free()
	defer w.turns.give(&w.turn) // before another request has the worker
	if w.ended.Load() {         // nobody waits for the reply, and much may be in line
		return
	}
	w.dispatcher.run(w.op, &w.request)
	w.send(w.op)
}

// finish answers a request that is not a reader's any more.
func (w *devWorker) finish() {
	defer w.busy.Done()
	defer w.free()
	w.dispatcher.run(w.op, &w.request)
	w.send(w.op)
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
