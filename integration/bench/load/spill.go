package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// A spill is what a tiered mount has on the disk.
type spill struct {
	stored  int64 // bytes of data, at least: those in memory may lie there too
	space   int64 // bytes of disk space that the spill file takes
	extents int   // of the spill file on its filesystem
}

// ratio is the disk space that a byte takes.
func (s *spill) ratio() float64 { return float64(s.space) / float64(s.stored) }

// run is the mean length of an extent, bytes.
func (s *spill) run() float64 { return float64(s.space) / float64(max(s.extents, 1)) }

// readSpill looks at the spill file of the daemon that serves dir.
func readSpill(dir string, daemon int) (s spill, err error) {
	data, err := os.ReadFile(filepath.Join(dir, ".vanish", "status"))
	if err != nil {
		return s, err
	}
	var status struct {
		Used       int64 `json:"used"`
		MemoryUsed int64 `json:"memory_used"`
	}
	if err := json.Unmarshal(data, &status); err != nil {
		return s, err
	}
	if s.stored = status.Used - status.MemoryUsed; s.stored <= 0 {
		return s, errors.New("nothing is spilled")
	}
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", daemon))
	if err != nil {
		return s, err
	}
	for _, path := range paths {
		if isSpillFile(path) {
			return s, s.measure(path)
		}
	}
	return s, fs.ErrNotExist
}

// isSpillFile recognizes a file without a name that is not in memory.
func isSpillFile(path string) bool {
	var st unix.Stat_t
	var sys unix.Statfs_t
	if unix.Stat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink > 0 {
		return false
	}
	return unix.Statfs(path, &sys) == nil && sys.Type != unix.TMPFS_MAGIC
}

func (s *spill) measure(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	s.space = st.Blocks * 512
	s.extents, err = countExtents(f)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		return nil
	}
	return err
}
