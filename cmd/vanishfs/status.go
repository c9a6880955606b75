package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle/control"
	"vanishfs/lifecycle/option"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "show what you may use and use, and how a mount works",
		UsageText: "vanishfs status [--json] [DIR]",
		Description: `DIR is any directory of the mount; without it, it is the current directory or
else /tmp. The JSON text is also to be had with "cat DIR/.vanish/status".

   $ vanishfs status /mnt/scratch
   $ vanishfs status --json | jq '.size - .used'`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object, sizes in bytes", DisableDefaultText: true},
		},
		Action: func(c *cli.Context) error {
			s, raw, err := findStatus(c)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c.App.Writer, raw)
			}
			return printStatus(c.App.Writer, s)
		},
	}
}

// findStatus reads the status of the operand, or of the first default that is on a vanishfs.
func findStatus(c *cli.Context) (control.Status, []byte, error) {
	if c.NArg() > 0 {
		dir, err := oneOperand(c, "DIR")
		if err != nil {
			return control.Status{}, nil, err
		}
		s, raw, err := control.ReadStatus(dir)
		if err != nil {
			err = fmt.Errorf("status of %w", err)
		}
		return s, raw, err
	}
	for _, dir := range []string{".", "/tmp"} {
		s, raw, err := control.ReadStatus(dir)
		if !errors.Is(err, control.ErrNotVanishfs) {
			return s, raw, err
		}
	}
	return control.Status{}, nil, fmt.Errorf("status of the current directory and of /tmp: %w; name a directory that is", control.ErrNotVanishfs)
}

// printJSON passes on what the filesystem said, every key of it, indented.
func printJSON(w io.Writer, raw []byte) error {
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(raw), "", "  "); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	out.WriteByte('\n')
	_, err := out.WriteTo(w)
	return err
}

func printStatus(w io.Writer, s control.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("size", "%s", usage(s.Used, s.Size, option.ShowSize))
	row("inodes", "%s", usage(s.InodesUsed, s.Inodes, humanize.Comma))
	if s.FileSize > 0 {
		row("file size", "up to %s", option.ShowSize(s.FileSize))
	}
	row("permissions", "%s", s.Permissions)
	row("removal", "%s", removal(s))
	row("session", "%s", s.Session)
	row("store", "%s", s.Store)
	if s.Memory > 0 {
		row("memory", "%s", usage(s.MemoryUsed, s.Memory, option.ShowSize))
		row("spill", "%s used, encrypted", option.ShowSize(s.SpillUsed))
		row("traffic", "%s written to the disk, %s read back", option.ShowSize(s.Spilled), option.ShowSize(s.Fetched))
	}
	row("plane", "%s", s.Plane)
	row("transport", "%s", s.Transport)
	row("options", "%s", unusual(s.Options))
	row("daemon", "%d, version %s", s.PID, s.Version)
	return t.Flush()
}

// unusual are the options that a mount has other than by default, as mount(8) would take them.
func unusual(all option.Set) string {
	set := option.Set{}
	defaults := option.Defaults()
	for name, text := range all {
		if is, ok := defaults[name]; !ok || is != text {
			set[name] = text
		}
	}
	return set.String()
}

// usage is for instance "1.0 GiB used of 8.0 GiB, 12%".
func usage(used, limit int64, show func(int64) string) string {
	if limit <= 0 {
		return show(used) + " used, no limit"
	}
	percent := (float64(used)*100 + float64(limit) - 1) / float64(limit)
	return fmt.Sprintf("%s used of %s, %d%%", show(used), show(limit), int64(percent))
}

// removal puts the policy of the directory in words.
func removal(s control.Status) string {
	switch s.Remove {
	case "close":
		if s.Linger != "" && s.Linger != "0s" {
			return s.Linger + " after the last close"
		}
		return "at last close"
	case "session":
		return "at the end of the session"
	case "keep":
		return "at the end of the mount"
	}
	return s.Remove
}
