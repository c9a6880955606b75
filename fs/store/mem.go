// # The memory store
//
// Memory keeps each file as one file of a tmpfs instance of its own, whose
// size= is the limit: the kernel counts every page, whoever writes it, also
// past the daemon (passthrough). Nobody else can reach the instance, and it
// goes with its last descriptor.
//
// A descriptor is held per open file, for some recently closed ones (a quick
// reopen) and for some empty ones that are ready for New; at most a budget of
// them, taken from RLIMIT_NOFILE. Past the budget a file's operations open it
// by name, use it and close it again.
//
// What is to be freed is freed at once. A backlog could not be hidden from writers
// that go past the daemon, and truncating a small file costs little more than
// queueing it. Whoever wants to wait with large content asks later (fs/freeing.go).
//
// Lock order:
//
//	memFile.mu
//	    handleCache.mu
//	tmpfs.mu
//
// No two memFile.mu are held at once, and no system call is made under handleCache.mu.
package store

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Memory is a Store in memory. Make it with NewMemory.
type Memory struct {
	// Dependencies, immutable once the first file exists.
	tmpfs  *tmpfs
	log    *slog.Logger
	backer Backer // nil: no passthrough

	lastID  atomic.Uint64 // names are made of ids and never used twice
	handles *handleCache
	absent  handle // of files whose handle was evicted; immutable

	// The filler is the one goroutine: it keeps empty files ready.
	filler struct {
		wake chan struct{} // of capacity 1
		quit chan struct{}
		done chan struct{}
	}

	unbacked  sync.Once // says that registering failed
	closeOnce sync.Once
}

// NewMemory makes an empty memory store. The caller owns it and must Close it.
// In a process that may not mount, a short-lived child process makes the tmpfs: see tmpfsRole.
func NewMemory(o MemoryOptions) (*Memory, error) {
	t, err := openTmpfs(o)
	if err != nil {
		return nil, err
	}
	if err := makeShards(t.root); err != nil {
		t.close()
		return nil, err
	}
	s := &Memory{tmpfs: t, log: o.logger(), handles: newHandleCache(descriptorBudget())}
	s.absent.s, s.absent.fd = s, -1
	s.filler.wake = make(chan struct{}, 1)
	s.filler.quit = make(chan struct{})
	s.filler.done = make(chan struct{})
	go s.fill()
	return s, nil
}

func openTmpfs(o MemoryOptions) (*tmpfs, error) {
	if o.Dir != nil {
		return adoptTmpfs(o.Dir)
	}
	to, err := o.tmpfs()
	if err != nil {
		return nil, err
	}
	return newTmpfs(to, o.logger())
}

// leastBudget is how few descriptors the store works with.
const leastBudget = 8

// descriptorBudget is how many descriptors the store may hold: RLIMIT_NOFILE (package os has
// raised it to the hard limit at start) less what the rest of the daemon may want.
func descriptorBudget() int {
	const (
		spare = 64
		most  = 1 << 20
	)
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return spare
	}
	n := int(min(lim.Cur, most))
	return max(n-n/8-spare, leastBudget)
}

// Kind implements Store.
func (s *Memory) Kind() string { return "memory" }

// UseBacker implements Store.
func (s *Memory) UseBacker(b Backer) { s.backer = b }

// New implements Store. It takes a ready file, or makes one where none is.
func (s *Memory) New() (File, error) {
	f := &memFile{opens: 1}
	h, low := s.handles.takeReady(f)
	if low {
		s.wakeFiller()
	}
	if h == nil {
		var err error
		if h, err = s.createHandle(f); err != nil {
			return nil, s.errno("create", err)
		}
	}
	f.id = h.id
	f.ctime = CoarseNow()
	f.atime = Nanos(f.ctime)
	f.mtime = f.atime
	h.fresh.Store(true)
	f.h.Store(h)
	return f, nil
}

// Usage implements Store.
func (s *Memory) Usage() (Usage, error) { return s.tmpfs.usage() }

// Resize implements Store.
func (s *Memory) Resize(size int64) error { return s.tmpfs.resize(size) }

// Close implements Store. Everything is gone with the last descriptor.
func (s *Memory) Close() error {
	s.closeOnce.Do(func() {
		close(s.filler.quit)
		<-s.filler.done
		for _, h := range s.handles.close() {
			s.releaseHandle(h)
		}
		s.tmpfs.close()
	})
	return nil
}

// errno is the one mapper of errors: what a caller is to know stays, all else is EIO and logged.
func (s *Memory) errno(op string, err error) error {
	switch err {
	case nil, unix.ENOSPC, unix.EFBIG, unix.EINVAL, unix.ENXIO, unix.EOPNOTSUPP, unix.ENFILE:
		return err
	case unix.ENOMEM:
		return syscall.ENOSPC // no memory is no room: the pages are charged to a memory cgroup, too
	case unix.EMFILE:
		return syscall.ENFILE // it is not the caller who has too many
	}
	s.log.Error("memory store: "+op, "err", fmt.Sprint(err))
	return syscall.EIO
}
