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
   $ vanishfs run --at /tmp --at /var/tmp -- sh -c 'sort big > /tmp/x; uniq /tmp/x'
   $ vanishfs run --store=tiered --memory 1g --size 20g -- sort -o sorted big
   $ vanishfs run --expose /tmp/.X11-unix -- xterm

As an ordinary user COMMAND is in a user namespace with one user and one group, its
own. Files of others, root too, show as nobody's; sudo does not work; changing the
group of a file to another of one's groups is EINVAL. The ways round:

   ssh: "Bad owner or permissions"   ssh -F none, or ssh -F ~/.ssh/config
   git over ssh                      GIT_SSH_COMMAND='ssh -F none' git ...
   rsync -a: "chgrp failed"          rsync -a --no-g
   install -g GROUP, chgrp, sudo     outside, or vanishfs run as root

COMMAND has the resource limits of its caller. A limit that is meant for it alone
is better set inside: vanishfs run -- sh -c 'ulimit -t 60; exec COMMAND'.

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
