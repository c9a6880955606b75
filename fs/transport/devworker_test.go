package transport

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// overSocket is a server whose device is one end of a socket: what it replies
// can be read from the other one.
func overSocket(t *testing.T, fsys fuse.RawFileSystem) (s *Server, kernel int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	s = &Server{
		fd: fds[0], log: slog.New(slog.DiscardHandler), dispatcher: quietly(fsys),
		options: Options{MaxWrite: DefaultMaxWrite}, sleepers: map[sleeper]struct{}{},
	}
	return s, fds[1]
}

// lockFS waits in SETLKW.
type lockFS struct {
	fuse.RawFileSystem
	letGo chan struct{}
}

func (f lockFS) SetLkw(cancel <-chan struct{}, _ *fuse.LkIn) fuse.Status {
	select {
	case <-f.letGo:
		return fuse.OK
	case <-cancel:
		return fuse.EINTR
	}
}

// answerNow has the worker answer a message as a reader would.
func (w *devWorker) answerNow(msg []byte) (next *devWorker) {
	op, ok := w.take(copy(w.buf, msg))
	return w.answer(op, ok, w.paceOf(op, ok))
}

// TestWaitingRequest: what may wait for others gives its worker back at once.
func TestWaitingRequest(t *testing.T) {
	fsys := lockFS{fuse.NewDefaultRawFileSystem(), make(chan struct{}, 1)}
	s, kernel := overSocket(t, fsys)
	w, err := s.newDevWorker()
	must(t, err)
	for _, want := range []fuse.Status{fuse.OK, fuse.EINTR} {
		next := w.answerNow(messages["SETLKW"])
		if next == w {
			t.Fatal("the worker waits itself")
		}
		w = next
		// Another request is answered meanwhile.
		w = w.answerNow(messages["LOOKUP"])
		reply := make([]byte, 100)
		n, err := unix.Read(kernel, reply)
		if must(t, err); replyStatus(reply[:n]) != fuse.ENOSYS {
			t.Errorf("LOOKUP: %v", replyStatus(reply[:n]))
		}
		if want == fuse.OK {
			fsys.letGo <- struct{}{}
		} else {
			until(t, "the request is interrupted", func() bool { return s.dispatcher.interrupts.interrupt(2) })
		}
		n, err = unix.Read(kernel, reply)
		if must(t, err); replyStatus(reply[:n]) != want {
			t.Errorf("SETLKW: %v, want %v", replyStatus(reply[:n]), want)
		}
		s.busy.Wait()
	}
	w.free()
}

// TestLostReply: what a reply granted that could not be written is given back.
func TestLostReply(t *testing.T) {
	fsys := oneFile()
	s, kernel := overSocket(t, fsys)
	must(t, unix.Shutdown(kernel, unix.SHUT_RDWR))
	w, err := s.newDevWorker()
	must(t, err)
	defer w.free()
	for _, name := range []string{"LOOKUP", "OPEN", "CREATE", "READDIRPLUS"} {
		w.answerNow(messages[name])
		if handles, lookups := fsys.owed(); handles != 0 || lookups != 0 {
			t.Errorf("%s: %d handles and %d lookups are left", name, handles, lookups)
		}
	}
}

// TestExtensions: what follows the data is dropped, and counted right.
func TestExtensions(t *testing.T) {
	out := make([]byte, 1<<16)
	for text, want := range map[string]fuse.Status{
		"file\x00" + "12345678":    fuse.OK,
		"file\x00":                 malformed, // cut into the name
		"fil":                      malformed,
		"file\x00x" + "12345678":   malformed,
		"missing\x00" + "12345678": fuse.ENOENT,
	} {
		msg := slices.Clone(message(opLookup, 1, nil, text))
		msg[36] = 1 // total_extlen, units of 8 bytes
		if n := quietly(oneFile()).Handle(msg, out); replyStatus(out[:n]) != want {
			t.Errorf("%q: %v, want %v", text, replyStatus(out[:n]), want)
		}
	}
}
