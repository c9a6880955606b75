package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// exampleLine is a command line of ours in an indented block, behind a prompt or not, up to what the shell makes of
// the rest or to a remark, which stands apart.
var exampleLine = regexp.MustCompile(`(?m)^ {3,6}(?:[$#] )?(?:[fd]=\$\()?vanishfs ([a-z]{3,}(?: [^ \n|>&;)]+)*(?: '[^']*')?)`)

// TestExamples: every command line that help, manual and README show is right, as far as can be seen without running it.
func TestExamples(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{"README.md": string(readme), "--help": programHelp()}
	for _, cmd := range allCommands() {
		texts[cmd.Name+" --help"] = cmd.Description
	}
	for _, page := range pageNames {
		texts[page], _ = pageSource(page)
	}
	tried := 0
	for where, text := range texts {
		for _, match := range exampleLine.FindAllStringSubmatch(text, -1) {
			args := words(match[1])
			if strings.Contains(match[1], "[") {
				continue // a synopsis
			}
			tried++
			if err := tryExample(args); err != nil {
				t.Errorf("%s: vanishfs %q: %v", where, args, err)
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d examples were found", tried)
	}
}

// words splits a command line; the last word may be in single quotes.
func words(line string) []string {
	line, quoted, isQuoted := strings.Cut(line, "'")
	list := strings.Fields(line)
	if isQuoted {
		list = append(list, strings.TrimSuffix(quoted, "'"))
	}
	return list
}

// tryExample goes as far as the command would before it does something.
func tryExample(args []string) error {
	cmd := commandNamed(args[0])
	if cmd == nil {
		return usagef("unknown command %s", args[0])
	}
	cmd.Action = func(c *cli.Context) error {
		s := newSettings()
		if cmd.Name != "run" && cmd.Name != "mount" {
			return nil
		}
		for _, list := range c.StringSlice("o") {
			if err := s.Parse(list); err != nil {
				return err
			}
		}
		if err := s.applyFlags(c); err != nil {
			return err
		}
		_, err := s.config()
		return err
	}
	return executeCommand(cmd, args[1:], io.Discard)
}
