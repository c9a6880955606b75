package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/lifecycle"
	"vanishfs/lifecycle/control"
	"vanishfs/lifecycle/option"
	"vanishfs/lifecycle/run"
)

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, exitOK},
		{errors.New("something"), exitFailure},
		{usagef("flag"), exitUsage},
		{&option.Error{Kind: option.ErrValue, Err: errors.New("value")}, exitValue},
		{fmt.Errorf("mount: %w", &option.Error{Kind: option.ErrValue, Err: errors.New("value")}), exitValue},
		{&lifecycle.Error{Kind: lifecycle.ErrConfig, Err: errors.New("x")}, exitValue},
		{&lifecycle.Error{Kind: lifecycle.ErrNoDevice, Err: errors.New("x")}, exitNoDevice},
		{&lifecycle.Error{Kind: lifecycle.ErrPermission, Err: errors.New("x")}, exitNotPermitted},
		{&lifecycle.Error{Kind: lifecycle.ErrMountPoint, Err: unix.EACCES}, exitMountPoint},
		{&lifecycle.Error{Kind: lifecycle.ErrBusy, Err: errors.New("x")}, exitBusy},
		{fmt.Errorf("x: %w", control.ErrNotVanishfs), exitNotVanishfs},
		{fmt.Errorf("x: %w", lifecycle.ErrNotMountPoint), exitNotVanishfs},
		{fmt.Errorf("x: %w", control.ErrInUse), exitBusy},
		{fmt.Errorf("x: %w", unix.EPERM), exitNotPermitted},
		{fmt.Errorf("x: %w", unix.EACCES), exitNotPermitted},
		{silent(0), 0},
		{silent(77), 77},
	} {
		if got := exitCode(c.err); got != c.code {
			t.Errorf("%v: code %d; want %d", c.err, got, c.code)
		}
	}
}

func TestExecuteExitCodes(t *testing.T) {
	for in, code := range map[string]int{
		"":                         exitUsage,
		"frobnicate":               exitUsage,
		"-v mount /mnt":            exitUsage,
		"help":                     exitOK,
		"help run":                 exitOK,
		"help frobnicate":          exitUsage,
		"--help":                   exitOK,
		"-h":                       exitOK,
		"--version":                exitOK,
		"version":                  exitOK,
		"version x":                exitUsage,
		"run --help":               exitOK,
		"run --nope":               run.ExitFailed,
		"run --size x -- true":     run.ExitFailed,
		"run --permissions=x true": run.ExitFailed,
		"mount":                    exitUsage,
		"mount -v --verbose a b":   exitUsage,
		"mount a b":                exitUsage,
		"mount --nope /mnt":        exitUsage,
		"mount --size x /mnt":      exitValue,
		"mount --inodes 1.5 /mnt":  exitValue,
		"mount --remove x /mnt":    exitValue,
		"mount --chmod=deny --permissions=posix /mnt": exitValue,
		"mount -o bogus /mnt":                         exitUsage,
		"umount":                                      exitUsage,
		"umount /proc":                                exitNotVanishfs,
		"umount /no/such/directory":                   exitMountPoint,
		"status /proc":                                exitNotVanishfs,
		"keep":                                        exitUsage,
		"keep /proc/version":                          exitNotVanishfs,
		"once /proc/version":                          exitNotVanishfs,
		"set /proc":                                   exitUsage,
		"set --size x /proc":                          exitValue,
		"set --size 1g /proc":                         exitNotVanishfs,
		"doctor x":                                    exitUsage,
		"mktemp a b":                                  exitUsage,
		"mktemp aXX":                                  exitFailure,
	} {
		err := execute(strings.Fields(in), io.Discard)
		if got := exitCode(err); got != code {
			t.Errorf("%q: %v, code %d; want %d", in, err, got, code)
		}
		if err != nil {
			checkMessage(t, in, err)
		}
	}
}

// checkMessage holds a message against the rules in messages.go.
func checkMessage(t *testing.T, what string, err error) {
	t.Helper()
	var out strings.Builder
	printError(&out, err)
	line, text := out.String(), err.Error()
	switch {
	case strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n"):
		t.Errorf("%q: not one line: %q", what, line)
	case text == "" || text != strings.TrimSpace(text) || strings.HasSuffix(text, "."):
		t.Errorf("%q: form of %q", what, text)
	case strings.ToLower(text[:1]) != text[:1]:
		t.Errorf("%q: %q starts with a capital", what, text)
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{"a": "a", "a\nb\n": "a; b", "\r\na": "a", "": ""} {
		if got := oneLine(in); got != want {
			t.Errorf("oneLine(%q) = %q; want %q", in, got, want)
		}
	}
}
