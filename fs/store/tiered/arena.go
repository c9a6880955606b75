package tiered

import (
	"context"
	"fmt"
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
	if len(mem) >= hugeFrom {
		unix.Madvise(mem, unix.MADV_HUGEPAGE) // a kernel without is slower, no more
	}
	return arena{mem: mem, release: unix.MADV_DONTNEED}, nil
}

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

// drop gives pages back to the kernel; they read as zeros from now on.
func (a *arena) drop(frames []frame) {
	for len(frames) > 0 {
		n := 1
		for n < len(frames) && frames[n] == frames[n-1]+1 {
			n++
		}
		if err := unix.Madvise(a.run(frames[0], n), a.release); err != nil {
			clear(a.run(frames[0], n)) // a kernel that cannot: zeros are what counts
		}
		frames = frames[n:]
	}
}

func (a *arena) close() {
	if a.mem != nil {
		unix.Munmap(a.mem)
		a.mem = nil
	}
}
