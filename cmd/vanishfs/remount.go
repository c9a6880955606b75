package main

import (
	"fmt"

	"vanishfs/lifecycle/control"
)

// remountAt makes the options that can change while mounted hold. mount(8)
// hands over those of /etc/fstab and of /proc/mounts along with what the user
// asks for, so the others are no error as long as they are what the mount has.
func (s *settings) remountAt(dir string, fake bool) error {
	var err error
	if fake {
		_, err = control.Changes(dir, s.Set)
	} else {
		err = control.Change(dir, s.Set)
	}
	if err != nil {
		return fmt.Errorf("remount %w", err)
	}
	return nil
}
