package tiered

import (
	"context"
	"fmt"
	"iter"
	"log/slog"

	"golang.org/x/sys/unix"
)

// A frame is the number of a page of the arena.
type frame uint32

// An arena is memory outside the Go heap: the collector neither scans nor counts it, it is left
// out of core dumps, and pages of it can be given back to the kernel.
type arena struct {
	mem     []byte
	release int // the advice that gives pages back
}

// hugeFrom is the size of an arena, bytes, from which huge pages are asked for. They can keep a few
// free pages beside used ones from going back to the kernel, which must not be a noticeable part.
const hugeFrom = 64 << 20

// newArena maps memory for n pages; the kernel provides each at its first use.
func newArena(n int) (arena, error) {
	mem, err := unix.Mmap(-1, 0, n*pageSize, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return arena{}, fmt.Errorf("map %d bytes of memory: %w", n*pageSize, err)
	}
	if err := unix.Madvise(mem, unix.MADV_DONTDUMP); err != nil {
		unix.Munmap(mem)
		return arena{}, fmt.Errorf("keep memory out of core dumps: %w", err)
	}
	a := arena{mem: mem, release: unix.MADV_DONTNEED}
	if len(mem) >= hugeFrom {
		a.huge()
	}
	return a, nil
}

// huge asks for huge pages. A kernel without is slower, no more.
func (a *arena) huge() { unix.Madvise(a.mem, unix.MADV_HUGEPAGE) }

// noSwap locks pages as they are used. Without the right to, it says so at that level and goes on.
func (a *arena) noSwap(log *slog.Logger, level slog.Level) {
	if err := lockOnFault(a.mem); err != nil {
		log.Log(context.Background(), level, "tiered store: file data in memory can reach swap (raise the limit: ulimit -l)", "err", err)
		return
	}
	a.release = madvDontneedLocked
}

// madvDontneedLocked is MADV_DONTNEED for locked pages (Linux 5.18, mm/madvise.c).
const madvDontneedLocked = 24

func (a *arena) page(f frame) []byte {
	at := int(f) * pageSize
	return a.mem[at : at+pageSize : at+pageSize]
}

// run is n pages from f on, as one slice.
func (a *arena) run(f frame, n int) []byte {
	at := int(f) * pageSize
	return a.mem[at : at+n*pageSize : at+n*pageSize]
}

// runs are the frames' pages, neighbours together.
func (a *arena) runs(frames []frame) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(frames) > 0 {
			n := neighbours(frames)
			if !yield(a.run(frames[0], n)) {
				return
			}
			frames = frames[n:]
		}
	}
}

// neighbours is how many of the first frames follow each other; there is one.
func neighbours(frames []frame) (n int) {
	for n = 1; n < len(frames) && frames[n] == frames[n-1]+1; n++ {
	}
	return n
}

// wipe makes pages zeros.
func (a *arena) wipe(frames []frame) {
	for mem := range a.runs(frames) {
		clear(mem)
	}
}

// drop gives pages back to the kernel; they read as zeros from now on.
func (a *arena) drop(frames []frame) {
	for mem := range a.runs(frames) {
		if err := unix.Madvise(mem, a.release); err != nil {
			clear(mem) // a kernel that cannot: zeros are what counts
		}
	}
}

func (a *arena) close() {
	if a.mem != nil {
		unix.Munmap(a.mem)
		a.mem = nil
	}
}
