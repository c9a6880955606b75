package main

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"vanishfs/lifecycle/control"
)

// remountAt makes the options that can change while mounted hold. mount(8)
// hands over those of /etc/fstab and of /proc/mounts along with what the user
// asks for, so the others are no error as long as they are what the mount has.
func (s *settings) remountAt(dir string, fake bool) error {
	status, _, err := control.ReadStatus(dir)
	if err != nil {
		return fmt.Errorf("remount %w", err)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("remount %s: %w", dir, err)
	}
	for _, fixed := range []struct{ name, wanted, is string }{
		{"permissions", s.Permissions, status.Permissions},
		{"remove", s.Remove, status.Remove},
		{"linger", s.Linger.String(), status.Linger},
		{"store", s.Store, status.Store},
		{"file-size", strconv.FormatInt(s.FileSize, 10), strconv.FormatInt(status.FileSize, 10)},
		{"noexec", strconv.FormatBool(s.NoExec), strconv.FormatBool(st.Flags&unix.ST_NOEXEC != 0)},
	} {
		if s.given[fixed.name] && fixed.wanted != fixed.is {
			return valuef("remount %s: %s is %s and cannot change while it is mounted", dir, fixed.name, fixed.is)
		}
	}
	if fake {
		return nil
	}
	return s.setLimits(dir)
}
