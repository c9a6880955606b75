package load

import (
	"errors"
	"math/rand/v2"

	"golang.org/x/sys/unix"
)

// Streams and random reads of more than the memory budget, on the mount and, the same calls, on the
// disk's own filesystem. What is in the page cache counts on neither: a write on the disk ends with fsync, before a
// read the cache is dropped, and O_DIRECT goes round it.
var beyondOperations = []operation{
	{name: "spill-write", title: "write beyond memory; disk: with fsync", unit: Rate, memory: beyondMemory, prepare: spillWrite(0)},
	{name: "spill-read", title: "read what is spilled, caches dropped", unit: Rate, memory: beyondMemory, prepare: spillRead(0)},
	{name: "spill-write-direct", title: "write beyond memory by O_DIRECT", unit: Rate, memory: beyondMemory, prepare: spillWrite(unix.O_DIRECT)},
	{name: "spill-read-direct", title: "read what is spilled by O_DIRECT", unit: Rate, memory: beyondMemory, prepare: spillRead(unix.O_DIRECT)},
	{name: "spill-random", title: "read spilled 4 KiB at random, O_DIRECT", unit: Micros, memory: beyondMemory, prepare: spillRandom},
}

// beyondMemory is the kernel's cache of the mounted file, and the budget.
func beyondMemory(s Sizes) int64 { return s.Beyond + s.Beyond/8 + s.Budget }

// spillWrite fills the memory first, so that as much has to leave it as is written: what is
// still there after the last write stands for what was there before the first. The fsync is the disk's part; a mount
// of files that vanish has nothing to do for it.
func spillWrite(flags int) func(Sizes) (*work, error) {
	return func(s Sizes) (*work, error) {
		fillers, names, block := newNames(), newNames(), noise(mebi)
		var filler, name []byte
		return &work{
			units: s.Beyond / mebi,
			before: func() error {
				filler = fillers.fresh()
				return errors.Join(s.fill(filler, 2*s.Budget), syncDisk())
			},
			step: func() error {
				name = names.fresh()
				fd, err := openFile(name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|flags, 0o600)
				if err != nil {
					return err
				}
				for range s.Beyond / mebi {
					if err := writeFile(fd, block); err != nil {
						return err
					}
				}
				return errors.Join(unix.Fsync(fd), closeFile(fd))
			},
			after: func() error { return errors.Join(unlinkName(name, 0), unlinkName(filler, 0)) },
		}, nil
	}
}

func spillRead(flags int) func(Sizes) (*work, error) {
	return func(s Sizes) (*work, error) {
		fd, err := spilledFile(s, flags)
		if err != nil {
			return nil, err
		}
		block, end := noise(mebi), s.coldest()
		return &work{
			units:  end / mebi,
			before: func() error { return uncache(fd) },
			step: func() error {
				for off := int64(0); off < end; off += mebi {
					if err := readAt(fd, block, off); err != nil {
						return err
					}
				}
				return nil
			},
		}, nil
	}
}

func spillRandom(s Sizes) (*work, error) {
	fd, err := spilledFile(s, unix.O_DIRECT)
	if err != nil {
		return nil, err
	}
	block, places, r := noise(4096), s.coldest()/4096, rand.New(rand.NewPCG(20, 26))
	return &work{step: func() error { return readAt(fd, block, r.Int64N(places)*4096) }}, nil
}

// coldest is how much from the start on of a file written in order cannot be in memory any more.
func (s Sizes) coldest() int64 { return s.Beyond - 2*s.Budget }

// spilledFile is a file several times as large as the budget, in no cache.
func spilledFile(s Sizes, flags int) (fd int, err error) {
	if fd, err = filled([]byte("spilled\x00"), s.Beyond); err != nil {
		return 0, err
	}
	return fd, errors.Join(unix.Fsync(fd), uncache(fd), setFlags(fd, flags))
}

// uncache drops the kernel's cache of a file that has no dirty pages.
func uncache(fd int) error { return unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED) }

func setFlags(fd, flags int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags)
	return err
}

// syncDisk waits until what was written before is on the disk.
func syncDisk() error {
	fd, err := openFile([]byte(".\x00"), unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(fd), closeFile(fd))
}
