package tempname

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"vanishfs/lifecycle/control"
)

// attempts bounds how often a name that turned out to be taken is replaced. With
// three X there are 238,328 names; a directory that full is an error to report.
const attempts = 10000

// File creates an empty file of mode 0600 and returns its path. Where files go
// at their last close, this one stays until its session ends: the close here is
// not its user's.
func (t Template) File() (string, error) {
	stay := t.goesAtClose()
	return t.try(func(path string) error {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if stay {
			err = control.SetRemovalOf(f, "session")
		}
		return errors.Join(err, f.Close())
	})
}

// goesAtClose says whether a file in the directory is removed at its last close.
func (t Template) goesAtClose() bool {
	s, _, err := control.ReadStatus(t.dir + ".")
	return err == nil && s.Remove == "close"
}

// Dir creates a directory of mode 0700 and returns its path.
func (t Template) Dir() (string, error) {
	return t.try(func(path string) error { return os.Mkdir(path, 0o700) })
}

// Name returns a path that does not exist and creates nothing. Only on a
// vanishfs is nobody else able to take it meanwhile.
func (t Template) Name() (string, error) {
	return t.try(func(path string) error {
		_, err := os.Lstat(path)
		switch {
		case err == nil:
			return fs.ErrExist
		case errors.Is(err, fs.ErrNotExist):
			return t.dirExists()
		}
		return err
	})
}

func (t Template) dirExists() error {
	_, err := os.Stat(t.dir + ".")
	return err
}

func (t Template) try(create func(path string) error) (string, error) {
	next := t.random
	if t.magic() {
		next = t.reserved
	}
	for range attempts {
		path, err := next()
		if err != nil {
			return "", err
		}
		err = create(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("create %s: %w", t, reason(err))
		}
	}
	return "", fmt.Errorf("create %s: no free name found in %d attempts; use more X", t, attempts)
}

// reason is err without the random path in it.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// magic says whether the directory is on a vanishfs, and its magic path does
// what the template asks for: it replaces the last run of X, wherever it is.
func (t Template) magic() bool {
	if strings.Contains(t.suffix, "XXX") {
		return false
	}
	var st unix.Statfs_t
	if err := unix.Statfs(t.dir+".", &st); err != nil || st.Type != unix.FUSE_SUPER_MAGIC {
		return false
	}
	info, err := os.Lstat(t.dir + ".vanish/new")
	return err == nil && info.IsDir()
}

// reserved asks the filesystem for a name, by reading the symlink that each lookup makes afresh.
func (t Template) reserved() (string, error) {
	target, err := os.Readlink(t.dir + ".vanish/new/" + t.base())
	if err != nil {
		return "", fmt.Errorf("name for %s: %w", t, reason(err))
	}
	return t.dir + filepath.Base(target), nil
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// random makes a name here; it never fails.
func (t Template) random() (string, error) {
	return t.dir + t.prefix + randomText(t.run) + t.suffix, nil
}

// randomText is n characters out of alphabet, each equally likely: bytes past
// the last multiple of its length are thrown away.
func randomText(n int) string {
	const limit = 256 / len(alphabet) * len(alphabet)
	text := make([]byte, 0, n)
	var buf [64]byte
	for {
		rand.Read(buf[:])
		for _, b := range buf {
			if len(text) == n {
				return string(text)
			}
			if int(b) < limit {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
}
