package load

import (
	"math/rand/v2"

	"golang.org/x/sys/unix"
)

// hotSize is the size of a small file, bytes, that is in use all the time.
const hotSize = 256 << 10

// smallLife is all that happens to most temporary files.
func smallLife(Sizes) (*work, error) {
	names, block := newNames(), noise(4096)
	return &work{single: true, step: func() error {
		name := names.fresh()
		fd, err := openFile(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		if err := writeFile(fd, block); err != nil {
			return err
		}
		if err := readAt(fd, block, 0); err != nil {
			return err
		}
		if err := closeFile(fd); err != nil {
			return err
		}
		return unlinkName(name, 0)
	}}, nil
}

// hotRead reads a file just written, each time from the filesystem, not from the kernel's cache above it.
func hotRead(Sizes) (*work, error) {
	fd, err := openFile([]byte("hot\x00"), unix.O_CREAT|unix.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := overwrite(fd, hotSize); err != nil {
		return nil, err
	}
	if err := setFlags(fd, unix.O_DIRECT); err != nil {
		return nil, err
	}
	block, r := noise(4096), rand.New(rand.NewPCG(20, 26))
	return &work{single: true, step: func() error {
		return readAt(fd, block, r.Int64N(hotSize/4096)*4096)
	}}, nil
}

// pour writes a file several times as large as the memory budget again and again.
func pour(s Sizes) (*work, error) {
	s.Stream = s.Beyond
	return streamRewrite(s)
}
