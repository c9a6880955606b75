package seal

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// regionSize is all memory that a ring locks, bytes. Before Linux 5.16 an ordinary
// user could lock 64 KiB by default (MLOCK_LIMIT, include/uapi/linux/resource.h).
const regionSize = 32 << 10

// alignment of what is taken from a region, bytes: a cache line.
const alignment = 64

// A region is memory for keys: locked, not dumped, empty in forked children.
type region struct {
	mem      []byte
	used     int
	unlocked bool
}

func newRegion(size int, lock bool) (region, error) {
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return region{}, fmt.Errorf("map %d bytes for keys: %w", size, err)
	}
	r := region{mem: mem, unlocked: !lock}
	if err := r.protect(); err != nil {
		r.release()
		return region{}, err
	}
	return r, nil
}

// protect marks the memory before anything is in it. Unlocked memory is locked all the
// same where that is possible.
func (r *region) protect() error {
	if err := unix.Mlock(r.mem); err != nil && !r.unlocked {
		return fmt.Errorf("%w: mlock of %d bytes: %w (raise the limit: ulimit -l)", ErrNotLocked, len(r.mem), err)
	}
	for _, advice := range []int{unix.MADV_DONTDUMP, unix.MADV_WIPEONFORK} {
		if err := unix.Madvise(r.mem, advice); err != nil && !r.unlocked {
			return fmt.Errorf("%w: madvise %d: %w", ErrNotLocked, advice, err)
		}
	}
	return nil
}

func (r *region) left() int { return len(r.mem) - r.used }

// take gives n bytes of the region, zero and aligned.
func (r *region) take(n int) []byte {
	b := r.mem[r.used : r.used+n : r.used+n]
	r.used += (n + alignment - 1) / alignment * alignment
	return b
}

// release wipes the memory and gives it back.
func (r *region) release() {
	clear(r.mem)
	unix.Munmap(r.mem) // fails only for memory that is not a mapping
	r.mem, r.used = nil, 0
}
