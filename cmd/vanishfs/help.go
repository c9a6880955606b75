package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Help is laid out here and not by cli's template, which sorts headings and
// flags by name: size belongs before file-size, and limits before the log.

const (
	helpWidth  = 88 // columns
	helpIndent = 28 // where the text beside a flag starts
)

// helpText is what COMMAND --help prints.
func helpText(cmd *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\nUsage: %s\n\n%s\n", cmd.Name, cmd.Usage, cmd.UsageText, cmd.Description)
	for _, heading := range headings(cmd.Flags) {
		fmt.Fprintf(&b, "\n%s:\n", heading)
		for _, f := range cmd.Flags {
			if headingOf(f) == heading {
				writeFlag(&b, f.(cli.DocGenerationFlag))
			}
		}
	}
	if cmd.Name == "run" || cmd.Name == "mount" {
		b.WriteString("\n\"vanishfs help vanishfs.5\" says what the options mean at length.\n")
	}
	return b.String()
}

// headings are those of flags in their order.
func headings(flags []cli.Flag) []string {
	var list []string
	for _, f := range flags {
		if h := headingOf(f); !slices.Contains(list, h) {
			list = append(list, h)
		}
	}
	return list
}

func headingOf(f cli.Flag) string {
	if c := f.(cli.CategorizableFlag).GetCategory(); c != "" {
		return c
	}
	return "Flags"
}

// writeFlag prints "-f, --flag VALUE", and beside or below it what it does.
func writeFlag(b *strings.Builder, f cli.DocGenerationFlag) {
	placeholder, usage := splitUsage(f.GetUsage())
	head := "  " + flagNames(f.(cli.Flag).Names())
	if placeholder != "" {
		head += " " + placeholder
	}
	if def := f.GetDefaultText(); def != "" && f.TakesValue() {
		usage += " (default " + def + ")"
	}
	if len(head) > helpIndent-2 {
		fmt.Fprintln(b, head)
		head = ""
	}
	for _, line := range wrap(usage, helpWidth-helpIndent) {
		fmt.Fprintf(b, "%-*s%s\n", helpIndent, head, line)
		head = ""
	}
}

// flagNames has the short name first, and room for it where there is none.
func flagNames(names []string) string {
	long := "    --" + names[0]
	if len(names[0]) == 1 {
		long = "-" + names[0]
	}
	for _, name := range names[1:] {
		if len(name) == 1 {
			return "-" + name + ", --" + names[0]
		}
	}
	return long
}

// splitUsage takes the placeholder out of its backquotes. Where it leads, as
// in "`on|off`: what for", it stands beside the flag only.
func splitUsage(usage string) (placeholder, text string) {
	before, rest, _ := strings.Cut(usage, "`")
	placeholder, after, quoted := strings.Cut(rest, "`")
	switch text, leads := strings.CutPrefix(after, ": "); {
	case !quoted:
		return "", usage
	case before == "" && leads:
		return placeholder, text
	}
	return placeholder, before + placeholder + after
}

// wrap breaks text at blanks into lines of at most width bytes.
func wrap(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// programHelp is what vanishfs --help prints.
func programHelp() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\nUsage: vanishfs COMMAND [flags] [operands]\n\n%s\n", programName, programUsage, programText)
	b.WriteString("\nCommands, with flags and examples in \"vanishfs COMMAND --help\":\n")
	for _, cmd := range allCommands() {
		fmt.Fprintf(&b, "  %-10s%s\n", cmd.Name, cmd.Usage)
	}
	b.WriteString("\nThe manual, \"vanishfs help PAGE\":\n")
	for _, page := range pageNames {
		fmt.Fprintf(&b, "  %-*s%s\n", helpIndent-2, page, pageSummary(page))
	}
	b.WriteString("\n" + strings.Join(wrap("Exit codes: "+exitCodeList(), helpWidth), "\n") + "\n")
	return b.String()
}
