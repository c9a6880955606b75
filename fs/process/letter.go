package process

import (
	"encoding/json"
	"fmt"

	"golang.org/x/sys/unix"
)

// writeLetter makes a memfd that holds v as JSON, for a new process to inherit: unlike a
// socket it takes any size, and unlike arguments nobody else sees it.
func writeLetter(v any) (fd int, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return -1, err
	}
	fd, err = unix.MemfdCreate("vanishfs-letter", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("memfd_create: %w", err)
	}
	for len(text) > 0 {
		n, err := unix.Write(fd, text)
		if err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("write to a memfd: %w", err)
		}
		text = text[n:]
	}
	return fd, nil
}

// readLetter reads what writeLetter wrote into v and closes fd.
func readLetter(fd int, v any) error {
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("read letter: %w", err)
	}
	text := make([]byte, st.Size)
	if _, err := unix.Pread(fd, text, 0); err != nil {
		return fmt.Errorf("read letter: %w", err)
	}
	return json.Unmarshal(text, v)
}
