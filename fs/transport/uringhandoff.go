package transport

import (
	"fmt"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// handoffs are the slow requests beside a thread, and the way back to it: only
// the thread may submit to its ring.
type handoffs struct {
	wake    int            // eventfd: look at done, and whether the server was aborted
	counter [8]byte        // of wake, as the ring reads it
	running sync.WaitGroup // one for each goroutine

	mu   sync.Mutex
	done []*uringEntry // guarded by mu: answered, to be replied to
}

func (h *handoffs) open() (err error) {
	if h.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	return nil
}

func (h *handoffs) close() { unix.Close(h.wake) }

// interrupt makes the thread look around.
func (h *handoffs) interrupt() {
	one := [8]byte{1}
	// It fails only when the counter is at its end: the thread is woken then.
	_, _ = unix.Write(h.wake, one[:])
}

// finish gives an answered entry back to the thread.
func (h *handoffs) finish(e *uringEntry) {
	h.mu.Lock()
	h.done = append(h.done, e)
	h.mu.Unlock()
	h.interrupt()
}

// finished takes the answered entries.
func (h *handoffs) finished() []*uringEntry {
	h.mu.Lock()
	defer h.mu.Unlock()
	done := h.done
	h.done = nil
	return done
}

// handOff answers a request in a goroutine of its own, at once or when it is its turn.
func (t *uringThread) handOff(e *uringEntry, p pace) error {
	t.running.Add(1)
	t.places.out(e)
	q := e.queue
	turns := t.dispatcher.turnsOf(p)
	switch {
	case turns == nil:
		go t.answerBeside(e)
	case t.dispatcher.mayGoOn(&e.request, turns):
		e.turns = turns
		go t.goOn(e)
	default:
		t.dispatcher.wait(e.op, &e.request, turns)
	}
	return t.addTo(q)
}

// addTo adds entries to a queue of which too few are left for the next requests.
func (t *uringThread) addTo(q *uringQueue) error {
	if n := t.places.wants(q); n > 0 && !t.dispatcher.crowded() {
		if err := t.add(q, n); err != nil {
			t.log.Debug("no more entries for a queue of io_uring", "error", err)
			return nil
		}
		return t.ring.enter(false)
	}
	return nil
}

// goOn is the turn of a request that was handed off.
func (t *uringThread) goOn(e *uringEntry) {
	turns := e.turns
	if t.ended.Load() { // nobody waits for the reply, and much may be in line
		turns.give(&e.turn)
		e.status = fuse.EIO
		t.finish(e)
		t.running.Done()
		return
	}
	defer t.running.Done()
	t.dispatcher.run(e.op, &e.request)
	turns.give(&e.turn) // before the entry is used again
	t.finish(e)
}

func (t *uringThread) answerBeside(e *uringEntry) {
	defer t.running.Done()
	t.dispatcher.run(e.op, &e.request)
	t.finish(e)
}

// awaitWake lets the ring report the next interrupt.
func (t *uringThread) awaitWake() {
	s := t.ring.prepare()
	s.opcode, s.fd, s.userData = opcodeRead, int32(t.wake), wakeIndex
	s.address, s.length = locate(&t.counter), uint32(len(t.counter))
}
