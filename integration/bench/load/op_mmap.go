package load

import (
	"golang.org/x/sys/unix"
)

// mmapWrite maps an existing file anew for each pass, so that its page faults count.
func mmapWrite(s Sizes) (*work, error) {
	fd, err := filled([]byte("stream\x00"), s.Stream)
	if err != nil {
		return nil, err
	}
	block := pattern(mebi)
	return &work{
		units: s.Stream / mebi,
		step: func() error {
			mapped, err := unix.Mmap(fd, 0, int(s.Stream), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			if err != nil {
				return err
			}
			for off := 0; off < len(mapped); off += mebi {
				copy(mapped[off:], block)
			}
			return unix.Munmap(mapped)
		},
	}, nil
}

// mmapFresh stores to a mapping of a new file, from its start to its end.
func mmapFresh(s Sizes) (*work, error) {
	block := pattern(mebi)
	return fresh(s, s.Stream/mebi, func(mapped []byte) {
		for off := 0; off < len(mapped); off += mebi {
			copy(mapped[off:], block)
		}
	})
}

// sparseStride is larger than what the kernel maps around a fault, and smaller than a huge page.
const sparseStride = 256 << 10

// mmapSparse stores a byte here and there to a mapping of a new file.
func mmapSparse(s Sizes) (*work, error) {
	return fresh(s, s.Stream/sparseStride, func(mapped []byte) {
		for off := 0; off < len(mapped); off += sparseStride {
			mapped[off] = 1
		}
	})
}

// fresh maps a new file for each step and does something with the mapping; that the file goes does not count.
func fresh(s Sizes, units int64, use func(mapped []byte)) (*work, error) {
	names := newNames()
	var fd int
	return &work{
		units: units,
		before: func() (err error) {
			fd, err = hole(names.fresh(), s.Stream)
			return err
		},
		step: func() error {
			mapped, err := unix.Mmap(fd, 0, int(s.Stream), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			if err != nil {
				return err
			}
			use(mapped)
			return unix.Munmap(mapped)
		},
		after: func() error { return closeFile(fd) },
	}, nil
}
