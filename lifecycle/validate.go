package lifecycle

import (
	"fmt"
	"os"
	"slices"

	"vanishfs/lifecycle/option"
)

// Validate says in one line what is wrong with c, if anything is. Its errors are ErrConfig, and
// ErrPermission for what only root may ask for.
func (c *Config) Validate() error {
	for _, check := range []func() error{c.checkEach, c.checkTogether} {
		if err := check(); err != nil {
			return &Error{ErrConfig, err}
		}
	}
	groups, err := os.Getgroups()
	if err != nil {
		return err
	}
	if err := c.checkOwner(os.Geteuid(), append(groups, os.Getegid())); err != nil {
		return &Error{ErrPermission, err}
	}
	return nil
}

// checkEach looks at each option alone, in the order of the table.
func (c *Config) checkEach() error {
	fields := c.fields()
	for _, o := range option.All() {
		if field, ours := fields[o.Name]; ours {
			if err := o.Check(field); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Config) checkTogether() error {
	switch {
	case c.SessionSize > 0 && !c.manySessions():
		return fmt.Errorf("session-size needs sessions inside the mount: session process, sid or cgroup")
	case c.IDMap && !c.AllowOther:
		return fmt.Errorf("idmap needs allow-other: whoever comes through an id-mapped mount is another user here")
	case c.Chmod == "deny" && c.Permissions == "posix":
		return fmt.Errorf("chmod deny: with permissions posix there are no bits to refuse")
	}
	return nil
}

// checkOwner lets uid, who is in groups, give the top directory to whom he could give any directory of
// his (chown(2)). A tmpfs refuses others too (mm/shmem.c, shmem_parse_one: the ids must be mapped in the
// namespace of the user who mounts); the tree would serve a directory that its own user may not use.
func (c *Config) checkOwner(uid int, groups []int) error {
	switch {
	case uid == 0:
		return nil
	case c.UID != nil && int(*c.UID) != uid:
		return fmt.Errorf("uid %d: only root may give the top directory to another user", *c.UID)
	case c.GID != nil && !slices.Contains(groups, int(*c.GID)):
		return fmt.Errorf("gid %d: only root may give the top directory to a group without being in it", *c.GID)
	}
	return nil
}
