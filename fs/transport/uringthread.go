package transport

import (
	"errors"
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
	ring   *ring
	places places
	live   int // entries that the kernel or a hand-off has
	visit  visit
	bulk   putOff

	handoffs
}

// wakeIndex is the user data of the read of the wake-up descriptor.
const wakeIndex = ^uint64(0)

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

// Descriptors is how many Serve opens at most: a ring and a wake-up descriptor for each queue. It is known after Handshake.
func (s *Server) Descriptors() int {
	if s.features.Transport == transportUring {
		return 2 * s.queues
	}
	return 0
}

// pinnedThread serves the queue of one CPU, or says that it cannot.
func (s *Server) pinnedThread(cpu, queues int, pinned chan<- bool) {
	// The thread ends with the goroutine: nobody else is to inherit its CPU.
	runtime.LockOSThread()
	err := s.options.pin(cpu, queues)
	pinned <- err == nil
	if err == nil {
		s.serveQueues([]int{cpu}, queues)
	}
}

// pinThread pins the calling thread to one of cpus CPUs.
func pinThread(cpu, cpus int) error {
	set := unix.NewCPUSet(cpus)
	set.Set(cpu)
	return unix.SchedSetaffinityDynamic(0, set)
}

// serveQueues is the life of a thread that serves the queues of these CPUs.
func (s *Server) serveQueues(cpus []int, queues int) {
	t := &uringThread{Server: s}
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
	if err = t.handoffs.open(); err != nil {
		return err
	}
	t.places.init(cpus, perQueue, t.options.MaxWrite)
	// One more for the wake-up descriptor, rounded up as the kernel would. Every entry has one completion at most.
	if t.ring, err = newRing(1<<bits.Len(uint(len(cpus)*perQueue)), 1<<bits.Len(uint(t.places.most))); err != nil {
		return err
	}
	for q := range t.places.queues {
		if err := t.addFirst(&t.places.queues[q]); err != nil {
			return err
		}
	}
	t.awaitWake()
	t.addSleeper(t)
	if t.aborted.Load() {
		// Abort did not see this thread.
		t.interrupt()
	}
	return t.ring.enter(false)
}

// addFirst registers the entries of a queue that are there at the start, fewer where this process may not have
// as many addresses (RLIMIT_AS, and RLIMIT_DATA, which counts what nobody touches as well; mm/vma.c, may_expand_vm).
func (t *uringThread) addFirst(q *uringQueue) error {
	err := t.add(q, q.start)
	for errors.Is(err, unix.ENOMEM) && q.start > fewestEntries {
		q.start = max(q.start/2, fewestEntries)
		err = t.add(q, q.start)
	}
	return err
}

// add registers n more entries of a queue.
func (t *uringThread) add(q *uringQueue, n int) error {
	added, err := t.places.add(q, n)
	if err != nil {
		return err
	}
	for _, e := range added {
		e.cancel = make(chan struct{})
		e.turn.goOn, e.turn.gone = func() { t.goOn(e) }, func() bool { return e.cancels && e.interrupted() }
		t.dispatcher.interrupts.add(&e.request)
		if err := t.makeRoom(); err != nil {
			return err
		}
		e.register(t.ring, t.fd)
		t.live++
	}
	return nil
}

// makeRoom has the ring take one more submission.
func (t *uringThread) makeRoom() error {
	if t.ring.full() {
		return t.ring.enter(false)
	}
	return nil
}

// serve answers until the connection is over.
func (t *uringThread) serve() error {
	for registered := false; t.live > 0; {
		c, ok := t.ring.next()
		if !ok {
			if !registered { // or else a refusal would be the first to come
				registered = true
				t.served(len(t.places.queues))
			}
			if err := t.idle(); err != nil {
				return err
			}
			continue
		}
		if c.userData == wakeIndex {
			if t.aborted.Load() {
				return nil
			}
			if err := t.makeRoom(); err != nil {
				return err
			}
			t.awaitWake()
			if err := t.reply(t.finished()...); err != nil {
				return err
			}
		} else if err := t.completed(t.places.entries[c.userData], c.result); err != nil {
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

// idle is for when the ring has nothing that came: what was put off has its time then, and what the kernel has by now
// is looked for before each of it.
func (t *uringThread) idle() error {
	switch {
	case !t.bulk.empty():
		if err := t.ring.look(); err != nil || t.ring.available() {
			return err
		}
		return t.answerNow(t.bulk.take())
	case t.places.untidy():
		return t.tidy()
	}
	return t.ring.enter(true)
}

// tidy is for when nothing is to be answered. If nothing comes for a while either, the entries that the kernel has
// are empty, and stay so until this thread enters the ring again, as the kernel fills them in its name
// (fs/fuse/dev_uring.c, fuse_uring_send_in_task; SETUP_DEFER_TASKRUN).
func (t *uringThread) tidy() error {
	if err := t.ring.enterFor(tidyAfter); err != nil || t.ring.available() {
		return err
	}
	t.places.tidy()
	return nil
}

// completed takes the kernel's next request in e, or the end of e.
func (t *uringThread) completed(e *uringEntry, result int32) error {
	switch errno := syscall.Errno(-result); {
	case result >= 0:
		return t.answer(e)
	case errno == unix.ENOTCONN, errno == unix.ECONNABORTED, errno == unix.ECANCELED, t.ended.Load():
		// The connection is over; so is everything the last reply granted.
		t.live--
		return nil
	default:
		return fmt.Errorf("kernel refuses entry %d of queue %d: %w", e.index, e.queue.id, errno)
	}
}

func (t *uringThread) answer(e *uringEntry) error {
	if !e.load() {
		return t.reply(e)
	}
	t.places.used(e)
	switch p := e.op.paceOf(t.dispatcher, &e.request); {
	case p == quick:
		return t.answerNow(e)
	case p != bulky:
		return t.handOff(e, p)
	case t.bulk.empty() && !t.ring.available():
		return t.answerNow(e)
	default: // its entry comes back soon: none is added for it
		t.bulk.add(e)
		return nil
	}
}

func (t *uringThread) answerNow(e *uringEntry) error {
	t.dispatcher.run(e.op, &e.request)
	t.settle(e)
	return t.reply(e)
}

func (t *uringThread) reply(entries ...*uringEntry) error {
	for _, e := range entries {
		e.store()
		t.places.used(e)
		if err := t.makeRoom(); err != nil {
			return err
		}
		e.commit(t.ring, t.fd)
		t.places.back(e)
	}
	return nil
}

// close ends the ring and gives back what belongs to the thread.
func (t *uringThread) close() {
	t.removeSleeper(t)
	t.running.Wait()
	if t.ring != nil {
		t.ring.close()
	}
	for _, e := range t.places.entries {
		t.dispatcher.interrupts.remove(&e.request)
	}
	t.places.close(t.live == 0)
	t.handoffs.close()
}
