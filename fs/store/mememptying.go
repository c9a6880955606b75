package store

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Empty takes the bytes from all files, and room for new ones from whoever still has one open: the instance is left with
// the one page that a limit has at least, and that is taken. It is the end of the store: only Close comes after it.
func (s *Memory) Empty() error {
	for i := range uint64(shards) {
		if err := s.emptyShard(shardName(i)); err != nil {
			return err
		}
	}
	full, err := unix.Openat(s.tmpfs.root, "full", unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("memory store: fill: %w", err)
	}
	defer unix.Close(full)
	if _, err := unix.Write(full, make([]byte, 1)); err != nil {
		return fmt.Errorf("memory store: fill: %w", err)
	}
	return s.tmpfs.resize(PageSize)
}

func (s *Memory) emptyShard(name string) error {
	fd, err := unix.Openat(s.tmpfs.root, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("memory store: %w", err)
	}
	dir := os.NewFile(uintptr(fd), name)
	defer dir.Close()
	files, err := dir.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("memory store: %w", err)
	}
	for _, file := range files {
		if fd, err := unix.Openat(int(dir.Fd()), file, unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0); err == nil {
			unix.Close(fd)
		} else if err != unix.ENOENT {
			return fmt.Errorf("memory store: empty a file: %w", err)
		}
	}
	return nil
}
