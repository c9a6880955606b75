package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle/option"
)

// flagsOf are flags made of options.
func flagsOf(options []*option.Option) []cli.Flag {
	var flags []cli.Flag
	for _, o := range options {
		flags = append(flags, flagOf(o))
	}
	return flags
}

func flagOf(o *option.Option) cli.Flag {
	var aliases []string
	if o.Short != "" {
		aliases = []string{o.Short}
	}
	name, heading, usage, def := o.Name, string(o.Section), usageOf(o), o.DefaultText
	if def == "" {
		def = o.Default
	}
	switch o.Kind {
	case option.Switch:
		return &cli.BoolFlag{Name: name, Aliases: aliases, Category: heading, Usage: usage, DisableDefaultText: true}
	case option.Paths:
		return &cli.StringSliceFlag{Name: name, Aliases: aliases, Category: heading, Usage: usage, DefaultText: def}
	}
	return &cli.StringFlag{Name: name, Aliases: aliases, Category: heading, Usage: usage, DefaultText: def}
}

// usageOf has the placeholder in backquotes, as cli wants it, where the help uses it or in front.
func usageOf(o *option.Option) string {
	switch {
	case o.Placeholder == "":
		return o.Help
	case strings.Contains(o.Help, o.Placeholder):
		return strings.Replace(o.Help, o.Placeholder, "`"+o.Placeholder+"`", 1)
	}
	return "`" + o.Placeholder + "`: " + o.Help
}
