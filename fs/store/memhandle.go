package store

import (
	"fmt"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A handle is a hold on one backing file: a descriptor, a registration, or both.
// The kernel keeps a registered file open by itself (fs/fuse/backing.c), so past the
// budget of descriptors a handle can have a registration alone, or neither.
type handle struct {
	s       *Memory // immutable
	id      uint64  // of the backing file's name, immutable
	fd      int     // -1 past the budget; immutable
	backing int32   // immutable
	backed  bool    // backing is an id; immutable

	// fresh: since New, nobody can have touched the backing file. Only New sets it.
	fresh atomic.Bool
	// lent: the backing id, of this handle or of one before it, was given out, so the file may be
	// open or mapped past us.
	lent atomic.Bool

	// base are the backing file's times when attr of the file was taken. Guarded by the
	// file's mu; of a ready file by who holds the handle.
	base times

	// Guarded by handleCache.mu.
	list       *handleList // nil: in none
	next, prev *handle
	file       *memFile // nil: ready for New
}

// createHandle makes a new, empty backing file. With f it is open for that file, else on its own.
func (s *Memory) createHandle(f *memFile) (*handle, error) {
	id := s.lastID.Add(1)
	return s.newHandle(id, f, unix.O_CREAT|unix.O_EXCL)
}

// openHandle opens f's backing file by its name.
func (s *Memory) openHandle(f *memFile) (*handle, error) {
	h, err := s.newHandle(f.id, f, 0)
	if err == nil {
		h.lent.Store(h.backed)
	}
	return h, err
}

func (s *Memory) newHandle(id uint64, f *memFile, flags int) (*handle, error) {
	room, victim := s.handles.reserve()
	s.evict(victim)
	h := &handle{s: s, id: id}
	err := s.openInto(h, flags)
	if err != nil {
		s.handles.unreserve(room)
		return nil, err
	}
	if !room {
		closeFD(h.fd)
		h.fd = -1
	}
	if f != nil {
		s.handles.adopt(h, f)
	}
	return h, nil
}

// openInto opens the backing file, notes its times and registers it.
func (s *Memory) openInto(h *handle, flags int) (err error) {
	if h.fd, err = s.openName(h.id, flags); err != nil {
		return err
	}
	st, err := fstat(h.fd)
	if err != nil {
		closeFD(h.fd)
		return err
	}
	h.base = timesOf(&st)
	s.register(h)
	return nil
}

// register asks for passthrough; without it, the file is mediated.
func (s *Memory) register(h *handle) {
	if s.backer == nil {
		return
	}
	id, err := s.backer.RegisterBacking(h.fd)
	if err != nil {
		s.unbacked.Do(func() {
			s.log.Warn("memory store: no passthrough for a file, its data goes through the daemon", "err", err)
		})
		return
	}
	h.backing, h.backed = id, true
}

// releaseHandle gives up the registration and the descriptor, not the backing file.
func (s *Memory) releaseHandle(h *handle) {
	if h.backed {
		if err := s.backer.UnregisterBacking(h.backing); err != nil {
			s.log.Debug("memory store: unregister a backing file", "err", err)
		}
	}
	if h.fd >= 0 {
		closeFD(h.fd)
	}
}

// evict takes an idle handle, already out of every list, away from its file.
func (s *Memory) evict(h *handle) {
	if h == nil {
		return
	}
	// A file that was reopened meanwhile has another handle already.
	h.file.h.CompareAndSwap(h, &s.absent)
	s.drop(h)
}

// Yield gives a descriptor back that no open file needs, and says whether there was one.
func (s *Memory) Yield() bool {
	h := s.handles.takeSpare()
	if h == nil {
		return false
	}
	if h.file != nil {
		s.evict(h)
		return true
	}
	s.unlink(h.id)
	s.drop(h)
	return true
}

// drop releases a handle that is in no list.
func (s *Memory) drop(h *handle) {
	s.releaseHandle(h)
	if h.fd >= 0 {
		s.handles.unreserve(true)
	}
}

// recycle makes a freed file's handle ready for New, or removes the file.
func (s *Memory) recycle(h *handle, full bool) {
	if !s.emptied(h, full) || !s.handles.offer(h) {
		s.unlink(h.id)
		s.drop(h)
	}
}

// emptied says whether the backing file is now like a new one. A file that somebody still has
// mapped must neither change nor show the next owner's bytes: it is left alone.
func (s *Memory) emptied(h *handle, full bool) bool {
	if h.lent.Load() && !soleOpener(h.fd) {
		return false
	}
	h.lent.Store(false)
	if !full {
		return true
	}
	if err := ftruncate(h.fd, 0); err != nil {
		return false
	}
	st, err := fstat(h.fd)
	h.base = timesOf(&st)
	return err == nil
}

// openName opens a backing file, at the cost of idle handles if the process has no descriptor left, and
// one that is there at the cost of ready ones.
func (s *Memory) openName(id uint64, flags int) (int, error) {
	for {
		fd, err := openat(s.tmpfs.root, backingName(id), unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW|flags)
		if err != unix.EMFILE {
			return fd, err
		}
		if victim := s.handles.takeOldest(); victim != nil {
			s.evict(victim)
		} else if flags&unix.O_CREAT != 0 || !s.Yield() {
			return -1, err
		}
	}
}

func (s *Memory) openByName(id uint64) (int, error) {
	fd, err := s.openName(id, 0)
	return fd, s.errno("open", err)
}

func (s *Memory) unlink(id uint64) {
	if err := unix.Unlinkat(s.tmpfs.root, backingName(id), 0); err != nil {
		s.errno("remove", err)
	}
}

// shards is the number of directories that backing files are spread over, so that
// making, removing and opening by name rarely wait for one directory's lock.
const shards = 64

func makeShards(root int) error {
	for i := range uint64(shards) {
		if err := unix.Mkdirat(root, shardName(i), 0o700); err != nil {
			return fmt.Errorf("memory store: mkdir in the tmpfs: %w", err)
		}
	}
	st, err := fstatat(root, shardName(0))
	if err == nil && st.Mode&0o700 != 0o700 {
		err = fmt.Errorf("the umask takes the owner's rights to the files made: %w; start with umask 077", unix.EACCES)
	}
	if err != nil {
		return fmt.Errorf("memory store: %w", err)
	}
	return nil
}

func shardName(id uint64) string { return strconv.FormatUint(id%shards, 36) }

func backingName(id uint64) string {
	return shardName(id) + "/" + strconv.FormatUint(id, 36)
}
