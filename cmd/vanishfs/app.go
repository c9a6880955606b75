package main

import (
	"errors"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// newApp assembles the commands; out takes results, help included.
func newApp(out io.Writer) *cli.App {
	app := &cli.App{
		Name:      "vanishfs",
		HelpName:  "vanishfs",
		Usage:     "a filesystem whose files vanish",
		UsageText: "vanishfs COMMAND [flags] [operands]",
		Description: `Files are for their owner only, under one cap, and gone at the end: of the
session, or of the last program that has them open.

   $ vanishfs run -- make -j4                  a /tmp of its own for make, gone with it
   $ vanishfs run --size 256MiB -- sh          a capped one for a shell
   $ vanishfs mount --allow-other /mnt/scratch a shared one; vanishfs umount ends it
   $ report > /tmp/.vanish/new/report.csv      inside: a fresh name by opening a path
   $ vanishfs doctor                           what this machine allows

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 wrong value; 4 no /dev/fuse;
5 not permitted; 6 mount point missing, no directory or not writable; 7 mount
point or mount busy; 8 not on a vanishfs; 9 spill directory missing, not writable
or full. run has its own, see run --help.`,
		Commands: []*cli.Command{
			runCommand(), mountCommand(), umountCommand(), setCommand(), statusCommand(),
			mktempCommand(), keepCommand(), onceCommand(), doctorCommand(), versionCommand(),
		},
		HideVersion:               true,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		Writer:                    out,
		ErrWriter:                 io.Discard,
		ExitErrHandler:            func(*cli.Context, error) {},
	}
	app.CustomAppHelpTemplate = appHelp(app)
	for _, cmd := range app.Commands {
		cmd.CustomHelpTemplate = helpText(cmd)
		cmd.HideHelpCommand = true
		cmd.OnUsageError = func(c *cli.Context, err error, _ bool) error {
			return usagef("%s: %w", c.Command.Name, err)
		}
	}
	app.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return usagef("%w", err) }
	return app
}

// execute runs the command line args, the program's name not included.
func execute(args []string, out io.Writer) error {
	app := newApp(out)
	if len(args) == 0 {
		return usagef("no command; see vanishfs --help")
	}
	cmd := app.Command(args[0])
	switch {
	case cmd != nil:
		return runCodes(cmd, func() error { return executeCommand(app, cmd, args[1:]) })
	case args[0] == "--version":
		return execute([]string{"version"}, out)
	case args[0] == "help" && len(args) > 1:
		return execute([]string{args[1], "--help"}, out)
	case args[0] == "help", args[0] == "--help", args[0] == "-h":
		return app.Run([]string{app.Name, "--help"})
	case strings.HasPrefix(args[0], "-"):
		return usagef("unknown flag %s before the command; see vanishfs --help", args[0])
	}
	return usagef("unknown command %s; see vanishfs --help", args[0])
}

func executeCommand(app *cli.App, cmd *cli.Command, args []string) error {
	arranged, err := arrange(cmd, args)
	if err != nil {
		return err
	}
	return app.Run(append([]string{app.Name, cmd.Name}, arranged...))
}

// runCodes makes every failure of run itself 125: its other codes are COMMAND's.
func runCodes(cmd *cli.Command, f func() error) error {
	err := f()
	var s silent
	if cmd.Name == "run" && !errors.As(err, &s) {
		return withCode(exitRunFailed, err)
	}
	return err
}

// noOperands refuses what a command does not take.
func noOperands(c *cli.Context) error {
	if c.NArg() > 0 {
		return usagef("%s: unexpected operand %s; see vanishfs %s --help", c.Command.Name, c.Args().First(), c.Command.Name)
	}
	return nil
}

// oneOperand returns the only operand.
func oneOperand(c *cli.Context, what string) (string, error) {
	switch c.NArg() {
	case 0:
		return "", usagef("%s: %s is missing; see vanishfs %s --help", c.Command.Name, what, c.Command.Name)
	case 1:
		return c.Args().First(), nil
	}
	return "", usagef("%s: unexpected operand %s; see vanishfs %s --help", c.Command.Name, c.Args().Get(1), c.Command.Name)
}
