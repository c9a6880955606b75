// Package control talks to a served mount from outside, through the mount itself:
// there is no socket. Orders are extended attributes, which the tree takes and does
// not store; answers are read from DIR/.vanish/status. So whoever may reach a file
// may ask, the kernel checks permissions, and it works across containers and
// namespaces.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"vanishfs/fs"
)

var (
	// ErrNotVanishfs: the path is on another filesystem.
	ErrNotVanishfs = errors.New("not on a vanishfs")
	// ErrDead: it is a vanishfs whose daemon is gone.
	ErrDead = errors.New("its daemon has died; unmount it with vanishfs umount")
)

// SetRemoval says when path goes, and for a directory also what is created in
// it from now on: "session", "close" or "keep". A symlink is followed.
func SetRemoval(path, when string) error {
	if err := check(path); err != nil {
		return err
	}
	if err := unix.Setxattr(path, fs.RemoveAttr, []byte(when), 0); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if when == "close" {
		// The kernel may remember the name for long, and would show it for a moment when it is gone. It looks the
		// whole path up again for ESTALE, which is the only answer there is (fs/namei.c, retry_estale).
		_ = unix.Setxattr(path, fs.RefreshAttr, nil, 0)
	}
	return nil
}

// SetRemovalOf is SetRemoval for an open file, which it keeps from going at this close.
func SetRemovalOf(f *os.File, when string) error {
	if err := unix.Fsetxattr(int(f.Fd()), fs.RemoveAttr, []byte(when), 0); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	return nil
}

// Status is what the mount says to this caller.
type Status = fs.Status

// ReadStatus reads the status of the mount that the directory dir is on; raw is the JSON text as it came.
func ReadStatus(dir string) (s Status, raw []byte, err error) {
	if err := check(dir); err != nil {
		return s, nil, err
	}
	if raw, err = os.ReadFile(filepath.Join(dir, ".vanish/status")); err != nil {
		return s, nil, fmt.Errorf("%s: %w", dir, reason(err))
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, nil, fmt.Errorf("%s/.vanish/status: %w", dir, err)
	}
	return s, raw, nil
}

// check tells a vanishfs from anything else: it is FUSE, and each of its
// directories has the hidden child.
func check(path string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); errors.Is(err, syscall.ENOTCONN) || errors.Is(err, syscall.ECONNABORTED) {
		return fmt.Errorf("%s: %w", path, ErrDead)
	} else if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if st.Type == unix.FUSE_SUPER_MAGIC {
		dir, err := directoryOf(path)
		if err != nil {
			return err
		}
		if _, err := os.Lstat(filepath.Join(dir, ".vanish/status")); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s: %w", path, ErrNotVanishfs)
}

// directoryOf is path itself if it is a directory, else the one its file is in.
func directoryOf(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, reason(err))
	}
	info, err := os.Stat(real)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, reason(err))
	}
	if info.IsDir() {
		return real, nil
	}
	return filepath.Dir(real), nil
}

// topOf is the highest directory above path that is on the same filesystem.
func topOf(path string) (string, error) {
	dir, err := directoryOf(path)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	device, err := deviceOf(dir)
	if err != nil {
		return "", err
	}
	for dir != "/" {
		above, err := deviceOf(filepath.Dir(dir))
		if err != nil || above != device {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir, nil
}

func deviceOf(path string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return st.Dev, nil
}

// reason is err without a path in it that the caller did not name.
func reason(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
