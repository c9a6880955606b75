package control

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"vanishfs/fs"
	"vanishfs/lifecycle/option"
)

var (
	// ErrInUse: a limit would be below what is used.
	ErrInUse = errors.New("less than is in use")
	// ErrFixed: a limit cannot be switched on in this mount.
	ErrFixed = errors.New("cannot be switched on in this mount")
)

// Changes are what Change would change.
func Changes(path string, want option.Set) (option.Set, error) {
	dir, err := directoryOf(path)
	if err != nil {
		return nil, err
	}
	changes, _, err := changesOf(dir, path, want)
	return changes, err
}

// Change makes the options of want hold for the mount that path is on: all of them, or none. Those that
// cannot change must be what the mount has.
func Change(path string, want option.Set) error {
	if err := check(path); err != nil {
		return err
	}
	dir, err := topOf(path)
	if err != nil {
		return err
	}
	changes, s, err := changesOf(dir, path, want)
	if err != nil || len(changes) == 0 {
		return err
	}
	if err = unix.Setxattr(dir, fs.OptionsAttr, []byte(changes.String()), 0); errors.Is(err, syscall.EPERM) {
		err = unix.Setxattr(dir, fs.RootOptionsAttr, []byte(changes.String()), 0) // EPERM for who is not root
	}
	switch {
	case errors.Is(err, syscall.EBUSY):
		err = fmt.Errorf("%s: %w", changes, ErrInUse)
	case errors.Is(err, syscall.EOPNOTSUPP):
		err = fmt.Errorf("%s: %w; give it one from the start, with mount", switchedOn(changes, s.Options), ErrFixed)
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		err = fmt.Errorf("%w; it takes the right to remount", err)
	case errors.Is(err, syscall.EINVAL):
		err = fmt.Errorf("%s: %w; name the directory where it is mounted", changes, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func changesOf(dir, path string, want option.Set) (option.Set, Status, error) {
	s, _, err := ReadStatus(dir)
	if err != nil {
		return nil, s, err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return nil, s, fmt.Errorf("%s: %w", path, err)
	}
	has := option.Set(s.Options)
	if has == nil {
		has = option.Set{}
	}
	// "mount -o remount,bind" changes it without asking the filesystem.
	has["noexec"] = strconv.FormatBool(st.Flags&unix.ST_NOEXEC != 0)
	changes, err := want.Changes(has)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return changes, s, err
}

// switchedOn names the limits among changes that there were none of before.
func switchedOn(changes, has option.Set) string {
	var names []string
	for _, name := range changes.Names() {
		if has[name] == "0" {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
