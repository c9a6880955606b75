package transport

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// A Dispatcher turns messages into calls of one filesystem. Its methods may be
// called from several goroutines at once.
type Dispatcher struct {
	fsys   fuse.RawFileSystem
	reader ReadBuffer // fsys, if it is one
	disk   Disk       // fsys, if it is one
	freer  Freer      // fsys, if it is one
	log    *slog.Logger

	interrupts interrupts
	pool       sync.Pool // of *request, for Handle
}

// NewDispatcher makes a dispatcher for fsys that logs to slog's default logger.
func NewDispatcher(fsys fuse.RawFileSystem) *Dispatcher { return newDispatcher(fsys, slog.Default()) }

func newDispatcher(fsys fuse.RawFileSystem, log *slog.Logger) *Dispatcher {
	d := &Dispatcher{fsys: fsys, log: log}
	d.reader, _ = fsys.(ReadBuffer)
	d.disk, _ = fsys.(Disk)
	d.freer, _ = fsys.(Freer)
	d.pool.New = func() any { return d.newRequest() }
	return d
}

// Handle answers one whole message in, as /dev/fuse gives it, into out and
// says how long the reply is; 0 is no reply. out has room for a reply's header,
// the largest argument (together 304 bytes) and the payload that in may ask
// for. Both belong to the call; they must not overlap.
//
// It is what a transport does, without a kernel: tests and fuzzing drive a
// filesystem with it.
func (d *Dispatcher) Handle(in, out []byte) int {
	r := d.pool.Get().(*request)
	defer d.pool.Put(r)
	if len(out) < outHeaderSize+maxOutSize {
		return 0
	}
	r.payload = out[outHeaderSize+maxOutSize:]
	op, ok := r.load(in)
	if ok {
		d.interrupts.add(r)
		d.run(op, r)
		d.interrupts.remove(r)
	}
	if r.quiet {
		return 0
	}
	r.pack()
	n := copy(out, r.fixed())
	return n + copy(out[n:], r.reply)
}

func (d *Dispatcher) newRequest() *request {
	return &request{cancel: make(chan struct{})}
}

// run calls the handler of op. Afterwards r is ready for pack.
func (d *Dispatcher) run(op *operation, r *request) {
	d.interrupts.begin(r)
	defer d.ended(op, r)
	r.status = op.run(d, r)
}

func (d *Dispatcher) ended(op *operation, r *request) {
	if p := recover(); p != nil {
		d.log.Error("handler panicked", "operation", op.name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		r.status = fuse.EIO
		r.quiet = op.noReply
	}
	d.interrupts.end(r)
}

// undo takes back a reply that did not reach the kernel: nobody else will.
func (d *Dispatcher) undo(op *operation, r *request) {
	if op == nil || op.undo == nil || r.status != fuse.OK {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("handler panicked while taking back a reply", "operation", op.name, "panic", fmt.Sprint(p))
		}
	}()
	op.undo(d, r)
}
