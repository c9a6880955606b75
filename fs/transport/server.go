package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// DefaultMaxWrite is the largest WRITE and READ, bytes: what the kernel allows
// without a raised fs.fuse.max_pages_limit (fs/fuse/inode.c).
const DefaultMaxWrite = 1 << 20

const (
	transportAuto  = "auto"
	transportUring = "uring"
	transportDev   = "dev"
)

// Options is everything a Server is made of.
type Options struct {
	// Transport is "auto" or "uring" (io_uring where the kernel offers it, else
	// /dev/fuse and a line in the log that says why), or "dev". Empty is auto.
	Transport string
	// Passthrough asks for FUSE passthrough.
	Passthrough bool
	// NoPrivileges says that no file ever has a setuid or setgid bit or capabilities,
	// so there is nothing to take away when it is written to or given to another owner.
	// It saves a look at the capabilities at every write (fs/inode.c,
	// file_remove_privs_flags) and a GETATTR at every chown (fs/fuse/dir.c, fuse_setattr).
	NoPrivileges bool
	// IDMapped asks that mounts may be id-mapped, without which there is no handshake. It takes default_permissions
	// (fs/fuse/inode.c, process_init_reply), and a filesystem that is a Teller where users are to be told apart.
	IDMapped bool
	// MaxWrite is the largest WRITE and READ, bytes, a multiple of the page
	// size; 0 is DefaultMaxWrite.
	MaxWrite int
	// Ended, which may be nil, is called once no request is answered any more, before the device is closed.
	Ended func()
	// Logger takes what the server has to say; nil is slog's default.
	Logger *slog.Logger

	pin func(cpu, cpus int) error // pinThread, but for a test, which cannot take a CPU away
}

// Features is what the kernel granted.
type Features struct {
	Passthrough bool
	Transport   string // "dev" or "uring"
	Minor       uint32 // of the protocol, as the kernel speaks it
	// Reasons says why something that was asked for is off, one line each.
	Reasons []string
}

// A Server serves one connection: one mounted /dev/fuse. Handshake comes first,
// then Serve. All other methods may be called at any time from any goroutine.
type Server struct {
	dev        *os.File // immutable; fd is dev's
	fd         int
	dispatcher *Dispatcher
	log        *slog.Logger
	options    Options

	features Features // immutable after Handshake
	queues   int      // immutable after Handshake: of io_uring, 0 without
	settler  settler  // of io_uring

	spare    chan *devWorker
	ready    chan struct{} // closed when requests are answered
	unserved atomic.Int32  // queues of io_uring that have no entry yet

	// ended is set when the connection is over: by unmount, error or Abort.
	ended atomic.Bool
	// cutOff is set when it was the kernel that ended it, by unmount or abort: nobody waits for an answer any more.
	cutOff atomic.Bool
	// aborted is set when this side ended it: nothing more comes of the kernel.
	aborted atomic.Bool

	// use is held shared while fd is used by others than Serve's own
	// goroutines, and taken to close it: its number may be another file's next.
	use sync.RWMutex

	mu       sync.Mutex
	sleepers map[sleeper]struct{} // guarded by mu
	failure  error                // guarded by mu: the first fatal error
	closed   bool                 // guarded by mu: fd is no longer ours
	busy     sync.WaitGroup       // one for each goroutine of Serve
}

// NewServer makes a server for dev, which it takes over: the end of Serve
// closes it, Abort ends the connection without Serve too.
func NewServer(dev *os.File, fsys fuse.RawFileSystem, o Options) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxWrite == 0 {
		o.MaxWrite = DefaultMaxWrite
	}
	if o.pin == nil {
		o.pin = pinThread
	}
	if page := os.Getpagesize(); o.MaxWrite < page || o.MaxWrite%page != 0 {
		return nil, fmt.Errorf("largest write of %d bytes is not a multiple of the page size %d", o.MaxWrite, page)
	}
	switch o.Transport {
	case "":
		o.Transport = transportAuto
	case transportAuto, transportUring, transportDev:
	default:
		return nil, fmt.Errorf("unknown transport %q: use auto, uring or dev", o.Transport)
	}
	return &Server{
		dev: dev, fd: int(dev.Fd()), options: o, log: o.Logger,
		dispatcher: newDispatcher(fsys, o.Logger),
		sleepers:   make(map[sleeper]struct{}), ready: make(chan struct{}), spare: make(chan *devWorker, spareWorkers),
	}, nil
}

// Features says what Handshake negotiated.
func (s *Server) Features() Features { return s.features }

// Ready is closed once Serve answers requests, and stays open if it never does. A
// process must not find that out by a request of its own: killed while it waits for
// itself, it keeps its descriptors, so that the connection never ends, and the wait
// cannot be killed (fs/fuse/dev.c, request_wait_answer).
func (s *Server) Ready() <-chan struct{} { return s.ready }

// served says that n queues of io_uring have entries, the last of which begins the answers.
func (s *Server) served(n int) {
	if s.unserved.Add(-int32(n)) == 0 {
		close(s.ready)
	}
}

// Serve answers requests until the filesystem is unmounted (nil), Abort is
// called (nil) or the device fails. When it returns, every goroutine of the
// server has ended, the filesystem's OnUnmount and Options.Ended were called and
// the device is closed.
func (s *Server) Serve() error {
	s.serveDevice()
	if s.features.Transport == transportUring {
		defer holdNamespace().Close()
		s.unserved.Store(int32(s.queues))
		s.serveUring(s.queues)
	} else {
		close(s.ready)
	}
	s.busy.Wait()
	s.dropSpares()
	s.end(nil)
	s.dispatcher.fsys.OnUnmount()
	if s.options.Ended != nil {
		s.options.Ended()
	}

	s.use.Lock()
	defer s.use.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return errors.Join(s.failure, s.dev.Close())
}

// holdNamespace keeps the mount namespace until this process has closed its
// descriptors. Where a killed daemon is the last in it, the end of the namespace
// is the unmount, which waits for requests that a ring may still have
// (fs/fuse/inode.c, fuse_wait_aborted) - in the thread whose work it is to end the
// ring, and what came last is done first (kernel/exit.c, do_exit; kernel/task_work.c).
// A descriptor of the namespace lets the unmount come after that. nil, which may be
// closed, where there is no /proc.
func holdNamespace() *os.File {
	ns, err := os.Open("/proc/self/ns/mnt")
	if err != nil {
		return nil
	}
	return ns
}

// end marks the connection as over and lets what still runs know of it. A nil
// err is a regular end.
func (s *Server) end(err error) {
	s.mu.Lock()
	if s.failure == nil && !s.ended.Load() {
		s.failure = err
	}
	s.ended.Store(true)
	s.mu.Unlock()
	s.dispatcher.interrupts.cancelAll()
}

// Abort ends the connection: waiting and later callers get ENOTCONN or
// ECONNABORTED, and Serve returns. Call it any number of times.
//
// The kernel aborts a connection when the last reference to its device goes
// (fs/fuse/dev.c, fuse_dev_release), and a thread in read(2) holds one. So the
// descriptor is replaced by an empty pipe, which drops the table's reference
// and gives every later read an end of file, and the sleeping threads are sent
// a signal: the runtime's handlers restart system calls, and the restarted read
// finds the pipe. A command on a ring holds a reference too, which goes with the
// ring, and the ring with its thread.
//
// A process that was handed a copy of the descriptor keeps the connection alive.
// Abort must not be called by the filesystem while it answers a request.
func (s *Server) Abort() {
	s.end(nil)
	// A notification in progress may wait for a caller that waits for us, and
	// holds a reference too: it is answered to its end first.
	s.use.Lock()
	defer s.use.Unlock()
	s.aborted.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if err := replaceByPipe(s.fd); err != nil {
		s.log.Error("cannot let go of the FUSE device", "error", err)
	}
	for t := range s.sleepers {
		t.interrupt()
	}
}

// hold keeps fd what it is until use.RUnlock; false once the connection is over. It
// does not wait: behind an Abort that waits for a notification, which waits for a
// caller, a handler that answers that caller would wait for itself.
func (s *Server) hold() bool {
	if !s.use.TryRLock() {
		return false // Abort and the end of Serve are the only ones to take it exclusively
	}
	if s.ended.Load() {
		s.use.RUnlock()
		return false
	}
	return true
}

// holdToTheEnd is hold, and works between the end by the kernel and the close of the device too.
func (s *Server) holdToTheEnd() bool {
	if s.hold() {
		return true
	}
	if !s.cutOff.Load() || !s.use.TryRLock() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.use.RUnlock()
	}
	return !s.closed
}

// replaceByPipe makes fd the read end of a pipe that nobody writes to.
func replaceByPipe(fd int) error {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(p[0])
	unix.Close(p[1])
	return unix.Dup3(p[0], fd, unix.O_CLOEXEC)
}
