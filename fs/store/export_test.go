package store

import (
	"errors"

	"golang.org/x/sys/unix"
)

// SetBudget limits the descriptors held, before the first file.
func (s *Memory) SetBudget(n int) { s.handles = newHandleCache(n) }

// EvictIdle takes every closed file's handle away.
func (s *Memory) EvictIdle() {
	for h := s.handles.takeOldest(); h != nil; h = s.handles.takeOldest() {
		s.evict(h)
	}
}

// Ready is the number of files kept ready for New.
func (s *Memory) Ready() int {
	s.handles.mu.Lock()
	defer s.handles.mu.Unlock()
	return len(s.handles.ready)
}

// Check panics where the handles are not what their lists and counters say.
func (s *Memory) Check() {
	c := s.handles
	c.mu.Lock()
	defer c.mu.Unlock()
	held := len(c.ready)
	for _, l := range []*handleList{&c.open, &c.idle} {
		n := 0
		for h := l.first; h != nil; h = h.next {
			if h.list != l || h.file == nil || h.file.h.Load() != h {
				panic("a handle is not its file's")
			}
			if h.fd >= 0 {
				held++
			}
			n++
		}
		if n != l.len {
			panic("a list has another length")
		}
	}
	// The filler may be making one.
	if filling := c.held - held; filling < 0 || filling > 1 || c.held > c.budget {
		panic("the number of descriptors held is wrong")
	}
}

// OpenBacking opens the backing file of f, as passthrough does.
func OpenBacking(f File) (fd int, err error) {
	m := f.(*memFile)
	return m.s().openName(m.id, 0)
}

// NewTmpfs makes a bare instance, for MemoryOptions.Dir.
func NewTmpfs(size int64) (root int, err error) {
	made, err := makeTmpfs(tmpfsOptions{Size: size, Huge: "never"})
	if errors.Is(err, unix.EPERM) {
		made, err = makeTmpfsInChild(tmpfsOptions{Size: size, Huge: "never"})
	}
	return made.root, err
}

// DropClean has the kernel drop the pages of f that are clean, as it does when it wants memory.
func DropClean(f File, n int64) error {
	fd, err := OpenBacking(f)
	if err != nil {
		return err
	}
	defer closeFD(fd)
	pages, err := unix.Mmap(fd, 0, int(n), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer unix.Munmap(pages)
	if err := unix.Madvise(pages, unix.MADV_POPULATE_READ); err != nil { // it drops what is mapped
		return err
	}
	return unix.Madvise(pages, unix.MADV_PAGEOUT)
}
