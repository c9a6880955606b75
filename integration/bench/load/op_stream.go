package load

import (
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
		after: func() error { return unlinkName(name, 0) },
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
