package lifecycle

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Validate says in one line what is wrong with c, if anything is. Its errors are ErrConfig, and
// ErrPermission for what only root may ask for.
func (c *Config) Validate() error {
	for _, check := range []func() error{c.checkWords, c.checkNumbers, c.checkTogether} {
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

// words are the fields with a fixed choice; the first of a choice is the default.
func (c *Config) words() []word {
	return []word{
		{"permissions", &c.Permissions, []string{"owner", "posix"}},
		{"chmod", &c.Chmod, []string{"keep", "deny"}},
		{"remove", &c.Remove, []string{"session", "close"}},
		{"session", &c.Session, []string{"mount", "process", "sid", "cgroup"}},
		{"store", &c.Store, []string{"memory", "tiered"}},
		{"huge", &c.Huge, []string{"auto", "never", "within_size", "always"}},
		{"transport", &c.Transport, []string{"auto", "uring", "dev"}},
		{"passthrough", &c.Passthrough, []string{"auto", "on", "off"}},
	}
}

type word struct {
	name   string
	value  *string
	choice []string
}

func (c *Config) checkWords() error {
	for _, w := range c.words() {
		if *w.value != "" && !slices.Contains(w.choice, *w.value) {
			return fmt.Errorf("%s %q: not one of %s", w.name, *w.value, strings.Join(w.choice, ", "))
		}
	}
	return nil
}

func (c *Config) checkNumbers() error {
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"size", c.Size}, {"file-size", c.FileSize}, {"user-size", c.UserSize}, {"session-size", c.SessionSize},
		{"inodes", c.Inodes}, {"memory", c.Memory}, {"linger", int64(c.Linger)}, {"max-idle", int64(c.MaxIdle)},
	} {
		if n.value < 0 {
			return fmt.Errorf("%s %d: must not be negative", n.name, n.value)
		}
	}
	if c.Mode != nil && *c.Mode&^0o1777 != 0 {
		return fmt.Errorf("mode %04o: only permission bits and the sticky bit", *c.Mode)
	}
	return nil
}

func (c *Config) checkTogether() error {
	switch {
	case c.SessionSize > 0 && !c.manySessions():
		return fmt.Errorf("session-size needs sessions inside the mount: session process, sid or cgroup")
	case c.Chmod == "deny" && c.Permissions == "posix":
		return fmt.Errorf("chmod deny: with permissions posix there are no bits to refuse")
	case c.SpillDir != "" && !filepath.IsAbs(c.SpillDir):
		return fmt.Errorf("spill-dir %q: must be absolute", c.SpillDir)
	case strings.ContainsAny(c.Source, "\x00\n"):
		return fmt.Errorf("source %q: must be one line", c.Source)
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
