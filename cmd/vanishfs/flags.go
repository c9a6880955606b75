package main

import (
	"slices"

	"github.com/urfave/cli/v2"
)

// flagsOf are the flags of run or mount, made of the option table.
func flagsOf(command string) []cli.Flag {
	var flags []cli.Flag
	for _, o := range options {
		if o.only == "" || o.only == command {
			flags = append(flags, o.flag())
		}
	}
	return flags
}

func (o *option) flag() cli.Flag {
	var aliases []string
	if o.short != "" {
		aliases = []string{o.short}
	}
	switch {
	case o.isSwitch():
		return &cli.BoolFlag{Name: o.name, Aliases: aliases, Category: o.group, Usage: o.usage, DisableDefaultText: true}
	case o.multi:
		return &cli.StringSliceFlag{Name: o.name, Aliases: aliases, Category: o.group, Usage: o.usage, DefaultText: o.def}
	}
	return &cli.StringFlag{Name: o.name, Aliases: aliases, Category: o.group, Usage: o.usage, DefaultText: o.def}
}

// applyFlags takes over the flags that were given.
func (s *settings) applyFlags(c *cli.Context) error {
	given := c.LocalFlagNames() // c.IsSet goes through all flags for each
	for _, o := range options {
		if !slices.Contains(given, o.name) {
			continue
		}
		values := []string{c.String(o.name)}
		switch {
		case o.isSwitch():
			values = []string{"true"}
		case o.multi:
			values = c.StringSlice(o.name)
		}
		for _, value := range values {
			if err := o.apply(s, "--"+o.name, value); err != nil {
				return err
			}
		}
	}
	return nil
}
