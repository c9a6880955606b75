package load

// randomRead reads size bytes at multiples of size: whole pages, or pieces of one or two.
func randomRead(size int) func(Sizes) (*work, error) {
	return func(s Sizes) (*work, error) { return random(s, size, readAt) }
}

func randomWrite(size int) func(Sizes) (*work, error) {
	return func(s Sizes) (*work, error) { return random(s, size, writeAt) }
}

func random(s Sizes, size int, access func(fd int, p []byte, off int64) error) (*work, error) {
	fd, err := filled([]byte("random\x00"), s.Random)
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
