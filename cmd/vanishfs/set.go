package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle/control"
)

func setCommand() *cli.Command {
	return &cli.Command{
		Name:      "set",
		Usage:     "change the limits of a mount while it is in use",
		UsageText: "vanishfs set [--size SIZE] [--inodes N] DIR",
		Description: `For the owner of the top directory and root. Nothing is lost: less than what is
in use is refused. "mount -o remount,size=4g DIR" does the same.

   $ vanishfs set --size 4g /mnt/scratch
   $ vanishfs set --size 25% --inodes 1m /mnt/scratch`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "size", Usage: "new cap, `SIZE`: 64MiB, 2g, 1.5GB, 50% of RAM, 0 for none"},
			&cli.StringFlag{Name: "inodes", Usage: "at most `N` files, directories and links; 0 for no limit"},
		},
		Action: func(c *cli.Context) error {
			dir, err := oneOperand(c, "DIR")
			if err != nil {
				return err
			}
			s := newSettings()
			if err := s.applyFlags(c); err != nil {
				return err
			}
			if len(s.given) == 0 {
				return usagef("set: neither --size nor --inodes is given; see vanishfs set --help")
			}
			return s.setLimits(dir)
		},
	}
}

// setLimits makes the limits that were given those of the mount at dir.
func (s *settings) setLimits(dir string) error {
	var l control.Limits
	if s.given["size"] {
		l.Size = &s.Size
	}
	if s.given["inodes"] {
		l.Inodes = &s.Inodes
	}
	if err := control.SetLimits(dir, l); err != nil {
		return fmt.Errorf("set limits of %w", err)
	}
	return nil
}
