package lifecycle

import (
	"errors"
	"fmt"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"vanishfs/fs/mounts"
	"vanishfs/fs/store"
	"vanishfs/fs/store/seal"
	"vanishfs/fs/store/tiered"
)

// newStore makes what holds the bytes.
func (c *Config) newStore() (store.Store, error) {
	if c.Store != "tiered" {
		return store.NewMemory(c.memoryOptions())
	}
	if err := checkSpillDir(c.SpillDir); err != nil {
		return nil, &Error{ErrSpill, err}
	}
	s, err := tiered.New(c.tieredOptions())
	if err != nil {
		return nil, spillError(err)
	}
	return s, nil
}

// tieredOptions leave the store a domain of its own: charged to the tree's, bytes would count twice where
// the tree counts them, too. Keys that could reach swap are refused: the encryption would be worth nothing then.
func (c *Config) tieredOptions() tiered.Options {
	return tiered.Options{Size: c.Size, Memory: c.Memory, SpillDir: c.SpillDir, NoSwap: c.NoSwap, Logger: c.Logger}
}

// spillError gives err its kind: what can be missing is the spill directory's fault, or else memory.
func spillError(err error) error {
	if errors.Is(err, seal.ErrNotLocked) || errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EMFILE) {
		return err
	}
	return &Error{ErrSpill, err}
}

// checkSpillDir refuses a directory that is on a vanishfs: what would be spilled there lies in memory, or is
// encrypted and spilled a second time. A directory that the new mount will cover is fine: the spill file has no
// name, and is made before.
func checkSpillDir(dir string) error {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return fmt.Errorf("spill directory %s: %w; name an existing directory with --spill-dir", dir, err)
	}
	list, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		ours := m.FSType == mounts.Type && uint64(unix.Mkdev(uint32(m.Major), uint32(m.Minor))) == st.Dev
		return !ours, ours
	})
	if err != nil {
		return fmt.Errorf("read the mount table: %w", err)
	}
	if len(list) > 0 {
		return fmt.Errorf("spill directory %s: is on a vanishfs itself, mounted at %s; name a directory on a disk with --spill-dir", dir, list[0].Mountpoint)
	}
	return nil
}
