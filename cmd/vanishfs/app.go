package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle/run"
)

// A commandMaker makes one command: most of the time that it takes to start is that of making them all.
type commandMaker struct {
	name string
	make func() *cli.Command
}

func commands() []commandMaker {
	return []commandMaker{
		{"run", runCommand}, {"mount", mountCommand}, {"umount", umountCommand}, {"set", setCommand}, {"status", statusCommand},
		{"mktemp", mktempCommand}, {"keep", keepCommand}, {"once", onceCommand}, {"doctor", doctorCommand},
		{"help", helpCommand}, {"version", versionCommand},
	}
}

func isCommand(name string) bool { return commandNamed(name) != nil }

// commandNamed makes a command, nil if there is none of that name.
func commandNamed(name string) *cli.Command {
	for _, c := range commands() {
		if c.name == name {
			return c.make()
		}
	}
	return nil
}

func allCommands() []*cli.Command {
	var list []*cli.Command
	for _, c := range commands() {
		list = append(list, c.make())
	}
	return list
}

const (
	programName  = "vanishfs"
	programUsage = "a filesystem whose files vanish"
	programText  = `Files are for their owner only, under one cap, and gone at the end: of the
session, or of the last program that has them open.

   $ vanishfs run -- make -j4                  a /tmp of its own for make, gone with it
   $ vanishfs run --size 256MiB -- sh          a capped one for a shell
   $ vanishfs mount --allow-other /mnt/scratch a shared one; vanishfs umount ends it
   $ report > /tmp/.vanish/new/report.csv      inside: a fresh name by opening a path
   $ vanishfs doctor                           what this machine allows`
)

// newApp is a program of one command; out takes results. Help is not cli's business, see help.go.
func newApp(cmd *cli.Command, out io.Writer) *cli.App {
	cmd.OnUsageError = func(c *cli.Context, err error, _ bool) error { return usagef("%s: %w", c.Command.Name, err) }
	return &cli.App{
		Name:                      programName,
		Compiled:                  time.Unix(0, 0), // or else it looks at the program's file
		Commands:                  []*cli.Command{cmd},
		HideVersion:               true,
		HideHelp:                  true,
		DisableSliceFlagSeparator: true,
		Writer:                    out,
		ErrWriter:                 io.Discard,
		ExitErrHandler:            func(*cli.Context, error) {},
	}
}

// execute runs the command line args, the program's name not included.
func execute(args []string, out io.Writer) error {
	if len(args) == 0 {
		return usagef("no command; see vanishfs --help")
	}
	if cmd := commandNamed(args[0]); cmd != nil {
		return runCodes(cmd, func() error { return executeCommand(cmd, args[1:], out) })
	}
	switch {
	case args[0] == "--version":
		return execute([]string{"version"}, out)
	case args[0] == "--help", args[0] == "-h":
		return execute([]string{"help"}, out)
	case strings.HasPrefix(args[0], "-"):
		return usagef("unknown flag %s before the command; see vanishfs --help", args[0])
	}
	return usagef("unknown command %s; see vanishfs --help", args[0])
}

func executeCommand(cmd *cli.Command, args []string, out io.Writer) error {
	arranged, err := arrange(cmd, args)
	if err != nil {
		return err
	}
	if slices.Contains(arranged[:slices.Index(arranged, "--")], "--help") {
		_, err := io.WriteString(out, helpText(cmd))
		return err
	}
	return newApp(cmd, out).Run(append([]string{programName, cmd.Name}, arranged...))
}

// runCodes makes every failure of run itself 125: its other codes are COMMAND's.
func runCodes(cmd *cli.Command, f func() error) error {
	err := f()
	var s silent
	if cmd.Name == "run" && !errors.As(err, &s) {
		return withCode(run.ExitFailed, err)
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
