package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle"
	"vanishfs/lifecycle/option"
)

// settings is what flags and mount options say, before anything is done.
type settings struct {
	option.MountList

	source     string // the first operand of mount(8), unless an option says otherwise
	at, expose []string
	wait       bool
	foreground bool
	verbose    bool // -v of mount(8)
}

func newSettings() *settings { return &settings{MountList: option.MountList{Set: option.Set{}}} }

// applyFlags takes over the flags that were given, of all that are options.
func (s *settings) applyFlags(c *cli.Context) error {
	given := c.LocalFlagNames() // c.IsSet goes through all flags for each
	for _, o := range option.All() {
		if !slices.Contains(given, o.Name) {
			continue
		}
		if err := s.applyFlag(c, o); err != nil {
			return err
		}
	}
	return nil
}

func (s *settings) applyFlag(c *cli.Context, o *option.Option) error {
	values := []string{c.String(o.Name)}
	switch o.Kind {
	case option.Switch:
		values = []string{"true"}
	case option.Paths:
		values = c.StringSlice(o.Name)
	}
	for _, value := range values {
		if err := s.Add(o, "--"+o.Name, value); err != nil {
			return err
		}
	}
	switch o.Name { // those of the front end itself
	case "at":
		s.at = values
	case "expose":
		s.expose = values
	case "wait":
		s.wait = true
	case "foreground":
		s.foreground = true
	}
	return nil
}

// config is the settings together, or what is wrong with them, before anything is done.
func (s *settings) config() (lifecycle.Config, error) {
	c := lifecycle.NewConfig()
	c.Version = version()
	if s.source != "" {
		c.Source = s.source
	}
	if err := s.Needed(option.Defaults()); err != nil {
		return c, err
	}
	if err := c.Apply(s.Set); err != nil {
		return c, err
	}
	c.Verbose = c.Verbose || s.verbose
	return c, c.Validate()
}
