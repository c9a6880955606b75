package load

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

func removeMemory(s Sizes) int64 { return s.Remove + s.Remove/8 }

// removeLarge is the time of the unlink call itself.
func removeLarge(s Sizes) (*work, error) { return remove(s, func(uint64) error { return nil }) }

// removeFreed adds the time until the space can be used again.
func removeFreed(s Sizes) (*work, error) { return remove(s, waitFree) }

func remove(s Sizes, wait func(wantFree uint64) error) (*work, error) {
	name := []byte("large\x00")
	var want uint64
	var open int
	return &work{
		before: func() error {
			fd, err := filled(name, s.Remove)
			if err != nil {
				return err
			}
			free, err := freeBytes()
			// Others may use the disk, too: do not wait for the last byte.
			want = free + uint64(s.Remove)/10*9
			if open = fd; s.Vanish {
				return err
			}
			return errors.Join(err, closeFile(fd))
		},
		step: func() error {
			if err := s.removeLast(name, open); err != nil {
				return err
			}
			return wait(want)
		},
	}, nil
}

// truncateLarge is the time to cut a large file to nothing.
func truncateLarge(s Sizes) (*work, error) {
	fd, err := filled([]byte("large\x00"), s.Remove)
	if err != nil {
		return nil, err
	}
	return &work{
		before: func() error { return overwrite(fd, s.Remove) },
		step:   func() error { return unix.Ftruncate(fd, 0) },
	}, nil
}

// allocateLarge is the time to allocate a new file's space.
func allocateLarge(s Sizes) (*work, error) {
	names := newNames()
	var fd int
	return &work{
		before: func() (err error) {
			fd, err = hole(names.fresh(), 0)
			return err
		},
		step:  func() error { return unix.Fallocate(fd, 0, 0, s.Remove) },
		after: func() error { return closeFile(fd) },
	}, nil
}

// removeLast closes a file that vanishes by that, and unlinks any other.
func (s Sizes) removeLast(name []byte, open int) error {
	if s.Vanish {
		return closeFile(open)
	}
	return unlinkName(name, 0)
}

// freedWithin is ample: what is not free by then will not be soon.
const freedWithin = 5 * time.Second

func waitFree(want uint64) error {
	for deadline := time.Now().Add(freedWithin); ; {
		switch free, err := freeBytes(); {
		case err != nil:
			return err
		case free >= want:
			return nil
		case time.Now().After(deadline):
			return errors.New("the space is not free " + freedWithin.String() + " after the unlink")
		}
	}
}

func freeBytes() (uint64, error) {
	var st unix.Statfs_t
	err := unix.Statfs(".", &st)
	return st.Bfree * uint64(st.Bsize), err
}
