package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle/tempname"
)

// defaultTemplate is coreutils'.
const defaultTemplate = "tmp.XXXXXXXXXX"

func mktempCommand() *cli.Command {
	return &cli.Command{
		Name:      "mktemp",
		Usage:     "create a file or directory with a random name and print the name",
		UsageText: "vanishfs mktemp [-d] [-u] [-q] [-p DIR] [--suffix SUFFIX] [TEMPLATE]",
		Description: `A drop-in for mktemp(1) that works in any directory. The last run of three or
more X in TEMPLATE becomes random; the default is ` + defaultTemplate + ` in $TMPDIR or
/tmp. In a directory of a vanishfs the name is out of its magic path, may be
longer than the run of X, and with -u is reserved to you for a minute.

   $ f=$(vanishfs mktemp) && sort big > "$f"
   $ d=$(vanishfs mktemp -d -p /mnt/scratch build.XXXXXX)
   $ vanishfs mktemp --suffix .csv report-XXXXXX
   report-k3Vt0a.csv`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "directory", Aliases: []string{"d"}, Usage: "create a directory", DisableDefaultText: true},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"u"}, Usage: "create nothing, only print a name", DisableDefaultText: true},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "say nothing when it fails", DisableDefaultText: true},
			&cli.StringFlag{Name: "suffix", Usage: "append `SUFFIX` to TEMPLATE, which must end in X"},
			&cli.StringFlag{Name: "tmpdir", Aliases: []string{"p"}, Usage: "take TEMPLATE relative to `DIR`; --tmpdir without DIR is $TMPDIR or /tmp"},
			&cli.BoolFlag{Name: "t", Usage: "TEMPLATE is a file name in $TMPDIR, else in the directory of -p, else in /tmp", DisableDefaultText: true},
		},
		Action: func(c *cli.Context) error {
			err := mktemp(c)
			if err != nil && c.Bool("quiet") {
				return silent(exitCode(err))
			}
			return err
		},
	}
}

func mktemp(c *cli.Context) error {
	text := defaultTemplate
	if c.NArg() > 0 {
		var err error
		if text, err = oneOperand(c, "TEMPLATE"); err != nil {
			return err
		}
	}
	template, err := mktempTemplate(c, text)
	if err != nil {
		return fmt.Errorf("mktemp: %w", err)
	}
	create, undo := template.File, os.Remove
	switch {
	case c.Bool("dry-run"):
		create, undo = template.Name, func(string) error { return nil }
	case c.Bool("directory"):
		create = template.Dir
	}
	path, err := create()
	if err != nil {
		return withCode(exitFailure, fmt.Errorf("mktemp: %w", err))
	}
	if _, err := fmt.Fprintln(c.App.Writer, path); err != nil {
		// A name that nobody learns would stay behind.
		undo(path)
		return withCode(exitFailure, fmt.Errorf("mktemp: print the name: %w", err))
	}
	return nil
}

// mktempTemplate is the template with its directory, by coreutils' rules.
func mktempTemplate(c *cli.Context, text string) (tempname.Template, error) {
	parse := tempname.Parse
	if c.IsSet("suffix") {
		parse = func(s string) (tempname.Template, error) { return tempname.ParseWithSuffix(s, c.String("suffix")) }
	}
	template, err := parse(text)
	tmpdir := os.Getenv("TMPDIR")
	switch {
	case err != nil:
		return template, err
	case c.Bool("t"):
		if strings.Contains(text, "/") {
			return template, fmt.Errorf("with -t the template %s must not contain a slash", text)
		}
		return template.In(cmp.Or(tmpdir, c.String("tmpdir"), "/tmp")), nil
	case c.IsSet("tmpdir"), c.NArg() == 0:
		if filepath.IsAbs(text) {
			return template, fmt.Errorf("with -p the template %s must not be absolute", text)
		}
		return template.In(cmp.Or(c.String("tmpdir"), tmpdir, "/tmp")), nil
	}
	return template, nil
}
