package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle"
)

func umountCommand() *cli.Command {
	return &cli.Command{
		Name:      "umount",
		Usage:     "unmount a vanishfs, which removes everything in it",
		UsageText: "vanishfs umount [--lazy] DIR",
		Description: `Returns when everything is given back: when the daemon has ended. It does not wait
for one that is stopped, nor where the filesystem lives on: with --lazy, or where
it is mounted in another place or namespace too. Refuses what is not a vanishfs.
Also for a mount whose daemon has died.

   $ vanishfs umount /mnt/scratch
   $ vanishfs umount --lazy /mnt/scratch   in use: gone for new users at once`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "lazy", Aliases: []string{"l", "z"}, Usage: "also where it is in use", DisableDefaultText: true},
		},
		Action: func(c *cli.Context) error {
			dir, err := oneOperand(c, "DIR")
			if err != nil {
				return err
			}
			err = lifecycle.Unmount(dir, c.Bool("lazy"), func(text string, last bool) {
				if last || isTerminal(os.Stderr) {
					printError(os.Stderr, fmt.Errorf("unmounted %s; %s", dir, text))
				}
			})
			if errors.Is(err, fs.ErrNotExist) {
				err = withCode(exitMountPoint, err)
			}
			return err
		},
	}
}
