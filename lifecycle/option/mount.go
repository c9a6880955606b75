package main

import (
	"errors"
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

// aliasOptions are other names, most of them tmpfs's, with what they set.
var aliasOptions = map[string]setter{
	"nr_inodes": count(func(s *settings) *int64 { return &s.Inodes }),
	"nr_blocks": func(s *settings, value string) error {
		n, err := parseBlocks(value)
		if err == nil {
			s.Size = n
		}
		return err
	},
	"exec":    fixed("noexec", "false"),
	"swap":    fixed("noswap", "false"),
	"noxattr": fixed("xattr", "false"),
	"fsname": func(s *settings, value string) error {
		s.Source = value
		return nil
	},
	// mount(8) has it that what an ordinary user may mount is noexec, unless exec follows.
	"user":    fixed("noexec", "true"),
	"users":   fixed("noexec", "true"),
	"remount": func(s *settings, _ string) error { s.remount = true; return nil },
	"ro": func(*settings, string) error {
		return errors.New("a vanishfs cannot be read-only, it would stay empty")
	},
}

// aliasOf says which of our options an alias gives, for remount to know.
var aliasOf = map[string]string{
	"nr_inodes": "inodes", "nr_blocks": "size", "exec": "noexec", "user": "noexec", "users": "noexec",
}

// applyMountOptions reads a comma-separated list; later ones win.
func (s *settings) applyMountOptions(list string) error {
	for _, word := range strings.Split(list, ",") {
		if word == "" {
			continue
		}
		name, value, hasValue := strings.Cut(word, "=")
		if err := s.applyMountOption(strings.ReplaceAll(name, "-", "_"), word, value, hasValue); err != nil {
			return err
		}
	}
	if s.shown != "" && !s.remount {
		return unknownMountOption(s.shown)
	}
	return nil
}

func unknownMountOption(word string) error {
	return usagef("unknown mount option %s; see vanishfs mount --help", word)
}

// applyMountOption sets one option; name has underscores, word is as written.
func (s *settings) applyMountOption(name, word, value string, hasValue bool) error {
	switch {
	case ignoredOptions[name], strings.HasPrefix(name, "x_"), strings.HasPrefix(name, "X_"):
		return nil
	case shownOptions[name]:
		s.shown = word
		return nil
	}
	if set, ok := aliasOptions[name]; ok {
		if err := set(s, value); err != nil {
			return valuef("option %s: %w", word, err)
		}
		s.given[aliasOf[name]] = true
		return nil
	}
	o := mountOption(name)
	switch {
	case o == nil && s.sloppy:
		return nil
	case o == nil:
		return unknownMountOption(word)
	case o.isSwitch() && hasValue:
		return valuef("option %s takes no value", name)
	case o.isSwitch():
		value = "true"
	case !hasValue:
		return valuef("option %s needs a value", name)
	}
	return o.apply(s, "option "+name, value)
}

func mountOption(name string) *option {
	for _, o := range options {
		if strings.ReplaceAll(o.name, "-", "_") == name && o.only != "run" && o.name != "foreground" {
			return o
		}
	}
	return nil
}

// fixed sets the named option to a value, whatever the mount option's own.
func fixed(name, value string) setter {
	return func(s *settings, _ string) error { return mountOption(name).set(s, value) }
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
