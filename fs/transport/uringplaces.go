package transport

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// idleEntries of a queue are kept for the next requests, while others are answered beside it. What finds
	// none waits in the kernel until one comes back (fs/fuse/dev_uring.c, fuse_uring_queue_fuse_req; to register
	// another one does not help it, fuse_uring_do_register), so there are more than one user's threads may take
	// before the thread of the queue runs: 64 are meant to be no harm.
	//
	// More of them at once only wait longer, never for ever: every request that was handed off ends by itself. No
	// handler waits for another request: the kernel keeps locks of files itself (see capabilities: POSIX_LOCKS and
	// FLOCK_LOCKS are not taken), and what the kernel is told is told by goroutines that no request waits for
	// (its pages may be locked by a request that has no entry).
	idleEntries = 96
	// mostEntries of a thread is when no more are added: more requests than that wait in the kernel.
	mostEntries = 1024
	// fewestEntries of a queue are enough to serve with.
	fewestEntries = 4
	// startEntries is how many there are at the start, over all queues of a machine with many CPUs.
	startEntries = 4096

	// Memory that large requests have touched is kept where it is likely to be used again. So much of it
	// is that of an entry, bytes:
	heavy = 64 << 10
	// keptHeavy is of how many entries of a queue.
	keptHeavy = 8
	// tidyAfter is how long nothing has come before the rest is given back: to touch it anew costs about as much
	// as a request.
	tidyAfter = 20 * time.Millisecond
)

// entriesPerQueue is how many requests of one CPU can be there at a time, at the start. One thread answers them,
// so more than one is only useful while slow ones are handed off. An entry is 1 MiB of address space
// and, in the kernel and here, about 2 KiB of memory; what no large request ever touched is not there.
func entriesPerQueue(queues int) int {
	return min(max(startEntries/queues, fewestEntries), idleEntries)
}

// places are the entries of one thread, and what it knows of their queues.
type places struct {
	maxWrite int
	most     int // entries
	entries  []*uringEntry
	queues   []uringQueue
	memory   [][]byte // mapped; of the entries
}

// A uringQueue is one of the kernel's queues.
type uringQueue struct {
	id      uint16
	start   int           // entries at the start
	entries []*uringEntry // all there are
	away    int           // of them, handed off
	heavy   int           // of them, with much memory
}

func (p *places) init(cpus []int, perQueue, maxWrite int) {
	p.maxWrite, p.most = maxWrite, max(mostEntries, 2*len(cpus)*perQueue)
	p.queues = make([]uringQueue, len(cpus))
	for i, cpu := range cpus {
		p.queues[i] = uringQueue{id: uint16(cpu), start: perQueue}
	}
}

// add makes n more entries of a queue.
func (p *places) add(q *uringQueue, n int) ([]*uringEntry, error) {
	page := os.Getpagesize()
	size := sizeOf[uringHeader]()
	headers := (n*size + page - 1) / page * page
	memory, err := newBuffer(headers + n*p.maxWrite)
	if err != nil {
		return nil, err
	}
	p.memory = append(p.memory, memory)
	for i := range n {
		header := memory[i*size : (i+1)*size]
		payload := memory[headers+i*p.maxWrite:][:p.maxWrite:p.maxWrite]
		e := &uringEntry{index: uint64(len(p.entries)), queue: q, header: at[uringHeader](header, 0), memory: payload}
		e.vectors[0], e.vectors[1] = vector(header), vector(payload)
		p.entries, q.entries = append(p.entries, e), append(q.entries, e)
	}
	return q.entries[len(q.entries)-n:], nil
}

// wants is how many entries a queue is to have more, now that some are away.
func (p *places) wants(q *uringQueue) int {
	if 3*(len(q.entries)-q.away) >= 2*q.start {
		return 0
	}
	return min(q.start, p.most-len(p.entries))
}

// out and back count entries that are handed off.
func (p *places) out(e *uringEntry) { e.away, e.queue.away = true, e.queue.away+1 }

func (p *places) back(e *uringEntry) {
	if e.away {
		e.away, e.queue.away = false, e.queue.away-1
	}
}

// used notes that an entry has much memory, of the request that it has or of the reply.
func (p *places) used(e *uringEntry) {
	if !e.heavy && max(len(e.data), int(e.header.ent.payloadSize)) > heavy {
		e.heavy, e.queue.heavy = true, e.queue.heavy+1
	}
}

// untidy says whether there is memory to be given back.
func (p *places) untidy() bool {
	for i := range p.queues {
		if q := &p.queues[i]; q.heavy > keptHeavy+q.away {
			return true
		}
	}
	return false
}

// tidy gives memory back that no request has, down to what is to be kept.
func (p *places) tidy() {
	for i := range p.queues {
		q := &p.queues[i]
		for _, e := range q.entries {
			if q.heavy <= keptHeavy {
				break
			}
			if e.heavy && !e.away {
				e.heavy, q.heavy = false, q.heavy-1
				if err := unix.Madvise(e.memory, unix.MADV_DONTNEED); err != nil {
					panic("transport: give back a request buffer: " + err.Error())
				}
			}
		}
	}
}

// close gives the memory back; where the kernel may still write to it, its addresses stay taken.
func (p *places) close(unused bool) {
	for _, m := range p.memory {
		if unused {
			freeBuffer(m)
		} else {
			retireBuffer(m)
		}
	}
}
