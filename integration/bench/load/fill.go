package load

import (
	"errors"
	"math/rand/v2"

	"golang.org/x/sys/unix"
)

var errThere = errors.New("a name that was never used is there")

// pattern is data that is not all zeros.
func pattern(size int) []byte {
	p := make([]byte, size)
	for i := range p {
		p[i] = byte(i*7 + i>>8)
	}
	return p
}

// noise is data that no disk can make smaller. Go aligns whole pages well enough for O_DIRECT.
func noise(size int) []byte {
	p := make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(p)
	return p
}

// filled opens a file of the given size, written in full unless it is there already.
func filled(name []byte, size int64) (int, error) {
	fd, err := openFile(name, unix.O_CREAT|unix.O_RDWR, 0o600)
	if err != nil {
		return 0, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Size == size {
		return fd, err
	}
	return fd, overwrite(fd, size)
}

// overwrite writes the first size bytes of a file.
func overwrite(fd int, size int64) error {
	block := noise(int(min(size, mebi)))
	for off := int64(0); off < size; off += int64(len(block)) {
		if err := writeAt(fd, block, off); err != nil {
			return err
		}
	}
	return nil
}

// fill makes a file that is there afterwards, and closes it if it lasts without being open.
func (s Sizes) fill(name []byte, size int64) error {
	fd, err := filled(name, size)
	if err != nil || s.Vanish {
		return err
	}
	return closeFile(fd)
}

// unlink removes a file that is closed.
func (s Sizes) unlink(name []byte) error {
	if s.Vanish {
		return nil
	}
	return unlinkName(name, 0)
}
