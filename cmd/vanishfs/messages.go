package main

import (
	"fmt"
	"io"
	"strings"
)

// What the command says when something is wrong, it says by these rules:
//
//   - one line on standard error, "vanishfs: " and then the message; nothing else, and no usage text;
//   - lower case, no full stop;
//   - what was tried, with the path or the flag as the user wrote it, then a colon and the reason;
//   - where there is something to do about it, a semicolon and a hint, a command where possible;
//   - no Go types, no stack, no names of functions; never the content of a file.
//
// Standard output carries results only. What goes on in a long-running
// command is log lines (lifecycle.NewLogger), which have levels and are off by default.

// usagef is an error of how the command was called: an unknown flag, an operand too many.
func usagef(format string, args ...any) error {
	return withCode(exitUsage, fmt.Errorf(format, args...))
}

// printError writes err as the one line that the rules ask for.
func printError(w io.Writer, err error) {
	fmt.Fprintf(w, "vanishfs: %s\n", oneLine(err.Error()))
}

// oneLine folds line breaks, which only texts of other programs bring along.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
