package system

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vanishfs/integration/bench/load"
)

// tmpfsSize is enough for every case.
const tmpfsSize = "8g"

// mountTmpfs mounts a tmpfs as /tmp usually is.
func (e *Env) mountTmpfs(name, options string) (string, error) {
	dir, err := e.mountPoint(name)
	if err != nil {
		return "", err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777,nr_inodes=4m,size="+tmpfsSize+options); err != nil {
		return "", fmt.Errorf("mount tmpfs%s: %w", options, err)
	}
	return dir, nil
}

func tmpfs(options string) func(*Env, System) (*Instance, error) {
	return func(e *Env, s System) (*Instance, error) {
		dir, err := e.mountTmpfs(s.Name, options)
		if err != nil {
			return nil, err
		}
		agent, err := e.here()
		i := &Instance{Dir: dir, Agent: agent}
		if s.Name == Tmpfs {
			i.Own = map[string]Measurement{load.Session: timeSessions(map[string]session{
				load.SessionRoot: e.unshare("-m", asCaller), load.SessionUser: e.unshare("-mr", e.asOrdinary)})}
		}
		return i, err
	}
}

// disk works in the scratch directory itself.
func disk(e *Env, s System) (*Instance, error) {
	dir := filepath.Join(e.Scratch, s.Name)
	if err := os.Mkdir(dir, 0o777); err != nil {
		return nil, err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return nil, err
	}
	agent, err := e.here()
	return &Instance{Dir: dir, Agent: agent, Note: diskName(st.Type)}, err
}

func diskName(magic int64) string {
	switch magic {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs: /var/tmp is not on a disk"
	}
	return fmt.Sprintf("filesystem type %#x", magic)
}
