package load

import (
	"golang.org/x/sys/unix"
)

// randomRead reads size bytes at multiples of size: whole pages, or pieces of one or two.
func randomRead(size int) func(Sizes) (*work, error) {
	return func(s Sizes) (*work, error) { return random(s, unix.O_RDWR, size, readAt) }
}

// randomReadOnly reads through a descriptor that cannot write.
func randomReadOnly(size int) func(Sizes) (*work, error) {
	return func(s Sizes) (*work, error) { return random(s, unix.O_RDONLY, size, readAt) }
}

func randomWrite(size int) func(Sizes) (*work, error) {
	return func(s Sizes) (*work, error) { return random(s, unix.O_RDWR, size, writeAt) }
}

func random(s Sizes, flags, size int, access func(fd int, p []byte, off int64) error) (*work, error) {
	name := []byte("random\x00")
	if err := s.fill(name, s.Random); err != nil {
		return nil, err
	}
	fd, err := openFile(name, flags, 0)
	if err != nil {
		return nil, err
	}
	block, places := pattern(size), uint64(s.Random)/uint64(size)
	state := uint64(88172645463325252)
	return &work{step: func() error {
		// xorshift64: Marsaglia, "Xorshift RNGs", 2003.
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		return access(fd, block, int64(state%places)*int64(size))
	}}, nil
}
