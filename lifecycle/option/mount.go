package option

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Mount options, the -o of mount(8) and of fstab. Beside our own, which are
// the flags of mount by name ("-" and "_" are the same), they are tmpfs's, so
// that an fstab line of a tmpfs needs only another type; those of mount(8),
// which concern it and not the filesystem; and what the kernel shows for a
// mount of ours, which "mount -o remount" hands back.

// ignoredOptions concern mount(8), the VFS, or what we do anyway.
var ignoredOptions = wordSet(
	// mount(8) itself
	"defaults auto noauto nofail _netdev nouser owner noowner group nogroup silent loud comment subtype",
	// We are always nosuid and nodev. mount(8) and mount.fuse pass suid and dev
	// where nobody asked for them, so they cannot be refused.
	"rw suid nosuid dev nodev default_permissions",
	// What the kernel does without us; nothing here is ever written to a disk.
	"async sync dirsync atime noatime relatime norelatime strictatime nostrictatime diratime nodiratime",
	"lazytime nolazytime iversion noiversion mand nomand symfollow nosymfollow inode32 inode64",
)

// shownOptions stand in /proc/mounts and come back with a remount.
var shownOptions = wordSet("user_id group_id max_read blksize fd rootmode")

// Ignored are the mount options that are accepted and change nothing, in alphabetic order.
func Ignored() []string { return slices.Sorted(maps.Keys(ignoredOptions)) }

// OnlyRemount are those that change nothing either, and are accepted for a remount only.
func OnlyRemount() []string { return slices.Sorted(maps.Keys(shownOptions)) }

// A MountList is what a list of mount options says.
type MountList struct {
	Set
	Sloppy  bool // unknown options are no error (man 8 mount)
	Remount bool // the options are for what is mounted already

	shown string // an option that only makes sense with remount
}

// Parse adds a comma-separated list; later ones win.
func (l *MountList) Parse(list string) error {
	if l.Set == nil {
		l.Set = Set{}
	}
	for word := range strings.SplitSeq(list, ",") {
		if word == "" {
			continue
		}
		if err := l.add(word); err != nil {
			return err
		}
	}
	if l.shown != "" && !l.Remount {
		return unknown(l.shown)
	}
	return nil
}

func unknown(word string) error {
	return &Error{ErrUnknown, fmt.Errorf("unknown mount option %s; see vanishfs mount --help", word)}
}

// add adds one option, as written.
func (l *MountList) add(word string) error {
	name, value, hasValue := strings.Cut(word, "=")
	name = underscored(name)
	switch {
	case ignoredOptions[name], strings.HasPrefix(name, "x_"), strings.HasPrefix(name, "X_"):
		return nil
	case shownOptions[name]:
		l.shown = word
		return nil
	case name == "remount":
		l.Remount = true
		return nil
	case name == "ro":
		return valuef("option %s: a vanishfs cannot be read-only, it would stay empty", word)
	}
	o, alias := findMountOption(name)
	switch {
	case o == nil && l.Sloppy:
		return nil
	case o == nil:
		return unknown(word)
	case alias.Value != "":
		value = alias.Value // "user=NAME" is what mount(8) remembers
	case o.IsSwitch() && hasValue:
		return valuef("option %s takes no value", name)
	case o.IsSwitch():
		value = "true"
	case !hasValue:
		return valuef("option %s needs a value", name)
	case alias.Blocks:
		bytes, err := parseBlocks(value)
		if err != nil {
			return valuef("option %s %q: %w", name, value, err)
		}
		value = fmt.Sprint(bytes)
	}
	return l.Add(o, "option "+name, value)
}

// findMountOption finds an option by its name, or with the alias of that name.
func findMountOption(name string) (*Option, Alias) {
	for _, o := range table {
		if !o.Accepts(MountOption) {
			continue
		}
		if o.MountName() == name {
			return o, Alias{}
		}
		for _, a := range o.Aliases {
			if a.Name == name {
				return o, a
			}
		}
	}
	return nil, Alias{}
}

func wordSet(lists ...string) map[string]bool {
	set := map[string]bool{}
	for _, list := range lists {
		for _, word := range strings.Fields(list) {
			set[word] = true
		}
	}
	return set
}
