package load

import (
	"golang.org/x/sys/unix"
)

func churn(s Sizes) (*work, error) {
	names, block := newNames(), pattern(4096)
	return &work{step: func() error {
		name := names.fresh()
		fd, err := openFile(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		if err := writeFile(fd, block); err != nil {
			return err
		}
		if err := closeFile(fd); err != nil {
			return err
		}
		return s.unlink(name)
	}}, nil
}

func tmpfile(Sizes) (*work, error) {
	here, block := []byte(".\x00"), pattern(4096)
	return &work{step: func() error {
		fd, err := openFile(here, unix.O_TMPFILE|unix.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		if err := writeFile(fd, block); err != nil {
			return err
		}
		return closeFile(fd)
	}}, nil
}

// openReadClose goes round a few files, so that no single inode is special.
func openReadClose(s Sizes) (*work, error) {
	names := make([][]byte, 64)
	for i := range names {
		names[i] = []byte{'o', byte('A' + i/26), byte('a' + i%26), 0}
		if err := s.fill(names[i], 4096); err != nil {
			return nil, err
		}
	}
	block, next := make([]byte, 4096), 0
	return &work{step: func() error {
		next = (next + 1) % len(names)
		fd, err := openFile(names[next], unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		if err := readFile(fd, block); err != nil {
			return err
		}
		return closeFile(fd)
	}}, nil
}
