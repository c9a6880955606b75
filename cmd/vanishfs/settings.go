package main

import (
	"vanishfs/lifecycle"
)

// settings is what flags and mount options say, before anything is done.
type settings struct {
	lifecycle.Config

	// run
	at, expose []string
	wait       bool

	// mount
	foreground bool
	remount    bool
	sloppy     bool   // unknown mount options are no error
	shown      string // a mount option that only makes sense with remount

	// given holds the options that were named, as opposed to those that have their default.
	given map[string]bool
	// ram is what percentages are of, in bytes.
	ram int64
}

// newSettings has the documented defaults, as far as lifecycle.Config has not:
// half of RAM and one inode for every two pages of it are tmpfs's. A tiered store
// has half of that in memory.
func newSettings() *settings {
	ram := ramBytes()
	return &settings{
		Config: lifecycle.Config{
			Size:    ram / 2,
			Memory:  ram / 4,
			Inodes:  defaultInodes(ram),
			Version: version(),
		},
		given: map[string]bool{},
		ram:   ram,
	}
}

// check says what is wrong with the settings together, before anything is done.
func (s *settings) check() error {
	for _, name := range []string{"memory", "spill-dir"} {
		if s.given[name] && s.Store != "tiered" {
			return usagef("%s is for the tiered store only; add --store=tiered (or option store=tiered)", name)
		}
	}
	return s.Validate()
}
