package load

import (
	"errors"

	"golang.org/x/sys/unix"
)

const mebi = 1 << 20

// streamMemory leaves a little to what is needed beside the data.
func streamMemory(s Sizes) int64 { return s.Stream + s.Stream/8 }

// streamNew creates and writes a whole file; its removal is not counted.
func streamNew(s Sizes) (*work, error) {
	names, block := newNames(), pattern(mebi)
	var name []byte
	return &work{
		units: s.Stream / mebi,
		step: func() error {
			name = names.fresh()
			fd, err := openFile(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600)
			if err != nil {
				return err
			}
			for range s.Stream / mebi {
				if err := writeFile(fd, block); err != nil {
					return err
				}
			}
			return closeFile(fd)
		},
		after: func() error { return s.unlink(name) },
	}, nil
}

func streamRewrite(s Sizes) (*work, error) { return stream(s, writeAt) }

func streamRead(s Sizes) (*work, error) { return stream(s, readAt) }

func stream(s Sizes, access func(fd int, p []byte, off int64) error) (*work, error) {
	fd, err := filled([]byte("stream\x00"), s.Stream)
	if err != nil {
		return nil, err
	}
	block := pattern(mebi)
	return &work{
		units: s.Stream / mebi,
		step: func() error {
			for off := int64(0); off < s.Stream; off += mebi {
				if err := access(fd, block, off); err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}

// readHole reads a file that is one hole, new each time.
func readHole(s Sizes) (*work, error) {
	names, block := newNames(), pattern(mebi)
	var fd int
	return &work{
		units: s.Stream / mebi,
		before: func() (err error) {
			fd, err = hole(names.fresh(), s.Stream)
			return err
		},
		step:  func() error { return readAll(fd, s.Stream, block) },
		after: func() error { return closeFile(fd) },
	}, nil
}

// streamReadPages reads in order by pages, through a descriptor that could write, what the kernel's cache of
// the mounted file does not have.
func streamReadPages(s Sizes) (*work, error) {
	fd, err := filled([]byte("stream\x00"), s.Stream)
	if err != nil {
		return nil, err
	}
	block := pattern(4096)
	return &work{
		units:  s.Stream / mebi,
		before: func() error { return errors.Join(unix.Fsync(fd), uncache(fd)) },
		step:   func() error { return readAll(fd, s.Stream, block) },
	}, nil
}

func readAll(fd int, size int64, block []byte) error {
	for off := int64(0); off < size; off += int64(len(block)) {
		if err := readAt(fd, block, off); err != nil {
			return err
		}
	}
	return nil
}

// hole opens a new file of that size without data, which has no name any more.
func hole(name []byte, size int64) (int, error) {
	fd, err := openFile(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600)
	if err != nil {
		return 0, err
	}
	return fd, errors.Join(unlinkName(name, 0), unix.Ftruncate(fd, size))
}
