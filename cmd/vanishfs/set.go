package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle/control"
	"vanishfs/lifecycle/option"
)

// liveOptions are those that can change while the filesystem is mounted.
func liveOptions() []*option.Option {
	return slices.DeleteFunc(option.Of(option.Mount), func(o *option.Option) bool { return o.Change != option.Live })
}

// setFlags have no defaults: what is not given stays.
func setFlags() []cli.Flag {
	flags := flagsOf(liveOptions())
	for _, f := range flags {
		f.(*cli.StringFlag).DefaultText = ""
	}
	return flags
}

func setCommand() *cli.Command {
	return &cli.Command{
		Name:      "set",
		Usage:     "change limits and removal of a mount while it is in use",
		UsageText: "vanishfs set [flags] DIR",
		Description: `For whoever may remount DIR: who has CAP_SYS_ADMIN there, as root has outside of
containers, and for an ordinary user's mount that user. All of it changes, or
nothing; less than what is in use is refused. "mount -o remount,size=4g DIR" does
the same.

   $ vanishfs set --size 4g /mnt/scratch
   $ vanishfs set --size 25% --inodes 1m --max-idle 10d /mnt/scratch

New values of --remove and --file-size are for what is created or written from
then on. --user-size, --session-size and, where the kernel goes straight to the
bytes, --file-size change only in a mount that was made with one.`,
		Flags: setFlags(),
		Action: func(c *cli.Context) error {
			dir, err := oneOperand(c, "DIR")
			if err != nil {
				return err
			}
			s := newSettings()
			if err := s.applyFlags(c); err != nil {
				return err
			}
			if len(s.Set) == 0 {
				return usagef("set: nothing to change is given; see vanishfs set --help")
			}
			if err := control.Change(dir, s.Set); err != nil {
				return fmt.Errorf("set options of %w", err)
			}
			return nil
		},
	}
}
