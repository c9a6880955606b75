package main

import (
	"cmp"
	"os"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle/option"
	"vanishfs/lifecycle/run"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "run a command with a /tmp of its own that vanishes with it",
		UsageText: "vanishfs run [flags] [--] [COMMAND [ARGUMENT...]]",
		Description: `COMMAND and everything it starts see an empty filesystem at /tmp; nobody else
does. When COMMAND ends, what it left running is ended and everything in there is
gone, even after kill -9. Works as root and as an ordinary user. Without COMMAND
it is $SHELL. Flags end at the first word that is none.

   $ vanishfs run -- make -j4
   $ vanishfs run --size 256MiB --remove close python3 import.py
   $ vanishfs run --at /tmp --at /var/tmp -- sh -c 'sort -u big > /tmp/x; wc -l /tmp/x'
   $ vanishfs run --store=tiered --memory 1g --size 20g -- sort -o sorted big
   $ vanishfs run --expose /tmp/.X11-unix -- xterm

The exit code is COMMAND's, or 128+n if signal n ended it; 125 if vanishfs
failed, 126 if COMMAND cannot be executed, 127 if it was not found.`,
		Flags: flagsOf(option.Of(option.Run)),
		Action: func(c *cli.Context) error {
			s := newSettings()
			if err := s.applyFlags(c); err != nil {
				return err
			}
			config, err := s.config()
			if err != nil {
				return err
			}
			// run prints its own errors: they may come from a process of the session.
			return silent(run.Main(run.Options{
				Config: config,
				At:     s.at,
				Expose: s.expose,
				Wait:   s.wait,
				Argv:   commandOrShell(c.Args().Slice()),
			}))
		},
	}
}

// commandOrShell is the user's shell where no command is given, as with unshare(1) and nsenter(1).
func commandOrShell(argv []string) []string {
	if len(argv) > 0 {
		return argv
	}
	return []string{cmp.Or(os.Getenv("SHELL"), "/bin/sh")}
}
