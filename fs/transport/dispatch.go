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
	onDisk Disk       // fsys, if it is one
	freer  Freer      // fsys, if it is one
	teller Teller     // fsys, if it is one
	log    *slog.Logger

	interrupts  interrupts
	work, disks *turns    // of what is slow because of its work, and because of a disk
	pool        sync.Pool // of *request, for Handle
}

// NewDispatcher makes a dispatcher for fsys that logs to slog's default logger.
func NewDispatcher(fsys fuse.RawFileSystem) *Dispatcher { return newDispatcher(fsys, slog.Default()) }

// A Teller is a RawFileSystem that knows better than its header whose a request is, for sharing out among users.
type Teller interface {
	Caller(h *fuse.InHeader) uint32
}

func newDispatcher(fsys fuse.RawFileSystem, log *slog.Logger) *Dispatcher {
	d := &Dispatcher{fsys: fsys, log: log, work: newTurns(), disks: newDiskTurns()}
	d.reader, _ = fsys.(ReadBuffer)
	d.onDisk, _ = fsys.(Disk)
	d.freer, _ = fsys.(Freer)
	d.teller, _ = fsys.(Teller)
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

// turnsOf is who shares out what is of this pace; nil where nobody does.
func (d *Dispatcher) turnsOf(p pace) *turns {
	switch p {
	case slow:
		return d.work
	case disk:
		return d.disks
	}
	return nil
}

// mayGoOn says whether r may be answered at once, which then ends with s.give.
func (d *Dispatcher) mayGoOn(r *request, s *turns) bool {
	r.turn.user, r.turn.bytes = d.userOf(r.header()), len(r.data)
	return s.try(&r.turn)
}

// userOf is in whose line a request has to wait.
func (d *Dispatcher) userOf(h *fuse.InHeader) uint32 {
	switch {
	case h.Pid == 0:
		return nobody
	case d.teller != nil:
		return d.teller.Caller(h)
	}
	return h.Uid
}

// wait has r answered when it is its turn. It is not the caller's any more.
func (d *Dispatcher) wait(op *operation, r *request, s *turns) {
	r.turns, r.cancels = s, op.cancels // read after begin
	d.interrupts.begin(r)
	s.wait(&r.turn)
}

// crowded says whether as many requests wait for their turn as should.
func (d *Dispatcher) crowded() bool { return d.work.crowded() || d.disks.crowded() }

func (d *Dispatcher) newRequest() *request {
	return &request{cancel: make(chan struct{})}
}

// run calls the handler of op. Afterwards r is ready for pack.
func (d *Dispatcher) run(op *operation, r *request) {
	d.interrupts.begin(r)
	if d.cancelled(op, r) {
		return
	}
	defer d.ended(op, r)
	r.status = op.run(d, r)
}

// cancelled answers a request that nobody wants any more before it has begun; false if it is to be answered.
func (d *Dispatcher) cancelled(op *operation, r *request) bool {
	if !op.cancels || !r.interrupted() {
		return false
	}
	r.status = fuse.EINTR
	d.interrupts.end(r)
	return true
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
