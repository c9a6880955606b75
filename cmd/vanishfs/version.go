package main

import (
	"fmt"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:      "version",
		Usage:     "print version, revision and build",
		UsageText: "vanishfs version",
		Description: `The version is the module's: a tag, or "(devel)" for a build without one. With it
come the Go version and, where the build knew it, the revision.

   $ vanishfs version
   vanishfs v1.0.0 (go1.26.0, revision 0123456789ab)`,
		Action: func(c *cli.Context) error {
			if err := noOperands(c); err != nil {
				return err
			}
			_, err := fmt.Fprintln(c.App.Writer, "vanishfs", longVersion())
			return err
		},
	}
}

// version is the module's version as the Go command recorded it: a tag, a
// pseudo-version, or "(devel)".
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// longVersion adds the toolchain and, where the build knew it, the revision.
func longVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version()
	}
	setting := map[string]string{}
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	detail := info.GoVersion
	if revision := setting["vcs.revision"]; revision != "" {
		detail += ", revision " + revision[:min(12, len(revision))]
		if setting["vcs.modified"] == "true" {
			detail += " with changes"
		}
	}
	return fmt.Sprintf("%s (%s)", version(), detail)
}
