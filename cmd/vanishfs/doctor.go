package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle/doctor"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:      "doctor",
		Usage:     "show what this machine and user allow, and how to enable the rest",
		UsageText: "vanishfs doctor [--json] [--fix]",
		Description: `Tries what vanishfs uses and prints a row for each: ok, missing, or n.a. where it
makes no difference. Under what is missing stands what that costs and the command
that enables it. Ends with 0 if "vanishfs run" works for you, else with 1.

   $ vanishfs doctor
   $ vanishfs doctor --json | jq '.checks[] | select(.state == "missing")'
   # vanishfs doctor --fix     FUSE over io_uring on, now and after the next boot

--fix is the only thing in vanishfs that changes a setting of the system.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object", DisableDefaultText: true},
			&cli.BoolFlag{Name: "fix", Usage: "as root: enable FUSE over io_uring in the running kernel and in /etc/modprobe.d", DisableDefaultText: true},
		},
		Action: func(c *cli.Context) error {
			if err := noOperands(c); err != nil {
				return err
			}
			if c.Bool("fix") {
				return fix(c.App.Writer)
			}
			return examine(c.App.Writer, c.Bool("json"))
		},
	}
}

func fix(w io.Writer) error {
	did, err := doctor.Fix()
	for _, line := range did {
		fmt.Fprintln(w, line)
	}
	if err == nil && len(did) == 0 {
		fmt.Fprintln(w, "nothing to do: FUSE over io_uring is enabled, also for the next boot")
	}
	if err != nil {
		return fmt.Errorf("doctor --fix: %w", err)
	}
	return nil
}

func examine(w io.Writer, asJSON bool) error {
	report := doctor.Examine()
	print := printReport
	if asJSON {
		print = printReportJSON
	}
	if err := print(w, report); err != nil {
		return err
	}
	if !report.Run {
		return silent(exitFailure)
	}
	return nil
}

func printReportJSON(w io.Writer, r doctor.Report) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(r)
}

func printReport(w io.Writer, r doctor.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range r.Checks {
		fmt.Fprintf(t, "%s\t%s\t%s\n", c.State, c.Name, c.Detail)
		if c.State == doctor.Missing {
			fmt.Fprintf(t, "\t  costs\t%s\n\t  enable\t%s\n", c.Costs, c.Enable)
		}
	}
	verdict := "vanishfs run works for this user"
	if !r.Run {
		verdict = "vanishfs run does not work for this user"
	}
	fmt.Fprintf(t, "\n%s\n", verdict)
	return t.Flush()
}
