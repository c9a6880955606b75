package transport

import (
	"fmt"
	"math/bits"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A uringThread owns a ring and serves the queues of one CPU, to which it is
// pinned: the kernel wakes it where the caller is, and one system call replies
// and waits for the next request. The queues of CPUs to which no thread can be
// pinned (offline, outside of the cpuset) share a thread that is not pinned.
type uringThread struct {
	*Server
	ring    *ring
	memory  []byte // mapped; of all entries
	entries []*uringEntry
	queues  int // that it serves
	live    int // entries that the kernel or a hand-off has
	visit   visit

	handoffs
}

// wakeIndex is the user data of the read of the wake-up descriptor.
const wakeIndex = ^uint64(0)

// entriesPerQueue is how many requests of one CPU are answered at a time. One
// thread answers them, so more than one is only useful while slow ones are
// handed off. With 2 CPUs the payload buffers take 16 MiB of address space,
// with 256 CPUs 512 MiB; what no large request ever touched is not there.
func entriesPerQueue(queues int) int { return min(max(256/queues, 2), 8) }

// serveUring starts the threads of all queues. The kernel holds every request
// back until each queue has an entry (fs/fuse/dev_uring.c, is_ring_ready).
func (s *Server) serveUring(queues int) {
	pinned := make([]chan bool, queues)
	for cpu := range pinned {
		pinned[cpu] = make(chan bool, 1)
		s.busy.Go(func() { s.pinnedThread(cpu, queues, pinned[cpu]) })
	}
	var rest []int
	for cpu, ok := range pinned {
		if !<-ok {
			rest = append(rest, cpu)
		}
	}
	if len(rest) > 0 {
		s.log.Info("some CPUs have no thread of their own; their queues share one", "cpus", len(rest))
		s.busy.Go(func() {
			runtime.LockOSThread()
			s.serveQueues(rest, queues)
		})
	}
}

// pinnedThread serves the queue of one CPU, or says that it cannot.
func (s *Server) pinnedThread(cpu, queues int, pinned chan<- bool) {
	// The thread ends with the goroutine: nobody else is to inherit its CPU.
	runtime.LockOSThread()
	err := pinThread(cpu, queues)
	pinned <- err == nil
	if err == nil {
		s.serveQueues([]int{cpu}, queues)
	}
}

// pinThread pins the calling thread to one of cpus CPUs. A variable for tests,
// which cannot take a CPU away.
var pinThread = func(cpu, cpus int) error {
	set := unix.NewCPUSet(cpus)
	set.Set(cpu)
	return unix.SchedSetaffinityDynamic(0, set)
}

// serveQueues is the life of a thread that serves the queues of these CPUs.
func (s *Server) serveQueues(cpus []int, queues int) {
	t := &uringThread{Server: s, queues: len(cpus)}
	err := t.open(cpus, entriesPerQueue(queues))
	if err == nil {
		err = t.serve()
	}
	t.close()
	if err != nil {
		s.end(fmt.Errorf("io_uring transport: %w", err))
		s.Abort()
	}
}

// open makes the ring and registers the entries.
func (t *uringThread) open(cpus []int, perQueue int) (err error) {
	n := len(cpus) * perQueue
	if err = t.handoffs.open(); err != nil {
		return err
	}
	// One more for the wake-up descriptor, rounded up as the kernel would.
	if t.ring, err = newRing(1 << bits.Len(uint(n))); err != nil {
		return err
	}
	size := messageHeader + t.options.MaxWrite
	if t.memory, err = newBuffer(n * size); err != nil {
		return err
	}
	t.entries = make([]*uringEntry, n)
	for i := range t.entries {
		e := &uringEntry{index: uint64(i), queue: uint16(cpus[i/perQueue])}
		own := t.memory[i*size : (i+1)*size]
		e.header = at[uringHeader](own, 0)
		e.memory = own[messageHeader:]
		e.vectors[0], e.vectors[1] = vector(own[:sizeOf[uringHeader]()]), vector(e.memory)
		e.cancel = make(chan struct{})
		t.dispatcher.interrupts.add(&e.request)
		t.entries[i] = e
		e.register(t.ring, t.fd)
		t.live++
	}
	t.awaitWake()
	t.addSleeper(t)
	if t.aborted.Load() {
		// Abort did not see this thread.
		t.interrupt()
	}
	return t.ring.enter(false)
}

// serve answers until the connection is over.
func (t *uringThread) serve() error {
	for registered := false; t.live > 0; {
		c, ok := t.ring.next()
		if !ok {
			if !registered { // or else a refusal would be the first to come
				registered = true
				t.served(t.queues)
			}
			if err := t.ring.enter(true); err != nil {
				return err
			}
			continue
		}
		if c.userData == wakeIndex {
			if t.aborted.Load() {
				return nil
			}
			t.awaitWake()
			t.reply(t.finished()...)
		} else if err := t.completed(t.entries[c.userData], c.result); err != nil {
			return err
		}
		if t.ring.available() && t.ring.unsubmitted() > 0 {
			// Others wait here, but this caller should not wait for theirs.
			if err := t.ring.enter(false); err != nil {
				return err
			}
		}
	}
	return nil
}

// completed takes the kernel's next request in e, or the end of e.
func (t *uringThread) completed(e *uringEntry, result int32) error {
	switch errno := syscall.Errno(-result); {
	case result >= 0:
		t.answer(e)
		return nil
	case errno == unix.ENOTCONN, errno == unix.ECONNABORTED, errno == unix.ECANCELED, t.ended.Load():
		// The connection is over; so is everything the last reply granted.
		t.live--
		return nil
	default:
		return fmt.Errorf("kernel refuses entry %d of queue %d: %w", e.index, e.queue, errno)
	}
}

func (t *uringThread) answer(e *uringEntry) {
	if !e.load() {
		t.reply(e)
		return
	}
	if e.op.paceOf(t.dispatcher, &e.request) != quick {
		t.handOff(e)
		return
	}
	t.dispatcher.run(e.op, &e.request)
	t.settle(e)
	t.reply(e)
}

func (t *uringThread) reply(entries ...*uringEntry) {
	for _, e := range entries {
		e.store()
		e.commit(t.ring, t.fd)
	}
}

// close ends the ring and gives back what belongs to the thread.
func (t *uringThread) close() {
	t.removeSleeper(t)
	t.running.Wait()
	if t.ring != nil {
		t.ring.close()
	}
	for _, e := range t.entries {
		if e != nil {
			t.dispatcher.interrupts.remove(&e.request)
		}
	}
	switch {
	case t.memory == nil:
	case t.live == 0:
		freeBuffer(t.memory)
	default:
		retireBuffer(t.memory)
	}
	t.handoffs.close()
}
