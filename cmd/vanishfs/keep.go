package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle/control"
)

func keepCommand() *cli.Command {
	return &cli.Command{
		Name:      "keep",
		Usage:     "exempt files from removal at last close, by age and at the end of a session",
		UsageText: "vanishfs keep PATH...",
		Description: `The files stay until they are removed or the mount ends. For a directory it
holds for what is created in it from now on. "vanishfs once" takes it back.

   $ gcc -o /tmp/tool tool.c
   $ vanishfs keep /tmp/tool`,
		Action: func(c *cli.Context) error { return setRemoval(c, "keep") },
	}
}

func onceCommand() *cli.Command {
	return &cli.Command{
		Name:      "once",
		Usage:     "have files removed at their last close",
		UsageText: "vanishfs once PATH...",
		Description: `Every name of the file goes when the last program that has it open closes it.
For a directory it holds for what is created in it from now on.

   $ mkdir /tmp/secrets
   $ vanishfs once /tmp/secrets`,
		Action: func(c *cli.Context) error { return setRemoval(c, "close") },
	}
}

// setRemoval goes through all operands, as chmod(1) does, and reports the first failure.
func setRemoval(c *cli.Context, when string) error {
	if c.NArg() == 0 {
		return usagef("%s: PATH is missing; see vanishfs %[1]s --help", c.Command.Name)
	}
	var first error
	for _, path := range c.Args().Slice() {
		if err := control.SetRemoval(path, when); err != nil && first == nil {
			first = fmt.Errorf("%s %w", c.Command.Name, err)
		}
	}
	return first
}
