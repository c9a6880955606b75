package main

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"vanishfs/lifecycle/option"
)

// Help teaches: every command has an example that starts with itself, says what
// its operands are, and fits a terminal.
func TestHelp(t *testing.T) {
	for _, cmd := range allCommands() {
		text := helpText(cmd)
		if !strings.Contains(text, "\n   $ vanishfs "+cmd.Name) {
			t.Errorf("%s: no example", cmd.Name)
		}
		checkLayout(t, cmd.Name, text)
		for _, f := range cmd.Flags {
			if name := f.Names()[0]; !strings.Contains(text, "-"+name) {
				t.Errorf("%s: flag %s is missing", cmd.Name, name)
			}
		}
	}
	checkLayout(t, "vanishfs", programHelp())
}

func checkLayout(t *testing.T, name, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); len(line) > helpWidth || strings.TrimRight(line, " ") != line || strings.ContainsAny(line, "`\t") {
			t.Errorf("%s: layout of %q", name, line)
		}
	}
}

// Flags of one name mean the same in every command.
func TestFlagsAreShared(t *testing.T) {
	usage := map[string]string{}
	for _, list := range [][]*option.Option{option.Of(option.Run), option.Of(option.Mount), liveOptions()} {
		for _, f := range flagsOf(list) {
			name, text := f.Names()[0], f.(cli.DocGenerationFlag).GetUsage()
			if old, ok := usage[name]; ok && old != text {
				t.Errorf("--%s: %q and %q", name, old, text)
			}
			usage[name] = text
		}
	}
}

func TestSplitUsage(t *testing.T) {
	for in, want := range map[string][2]string{
		"plain":              {"", "plain"},
		"at most `N` things": {"N", "at most N things"},
		"`a|b`: which":       {"a|b", "which"},
		"`N` things":         {"N", "N things"},
	} {
		if p, text := splitUsage(in); p != want[0] || text != want[1] {
			t.Errorf("splitUsage(%q) = %q, %q", in, p, text)
		}
	}
}
