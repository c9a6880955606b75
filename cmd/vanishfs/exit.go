package main

import (
	"errors"
	"io/fs"

	"vanishfs/lifecycle"
	"vanishfs/lifecycle/control"
	"vanishfs/lifecycle/option"
)

// The exit codes of every command but run, which has those of package run. They are an interface: a number is
// never reused for something else.
const (
	exitOK           = 0
	exitFailure      = 1 // anything that has no code of its own
	exitUsage        = 2 // unknown command or flag, missing or superfluous operand
	exitValue        = 3 // a flag or mount option has a wrong value, or two exclude each other
	exitNoDevice     = 4 // no /dev/fuse: the kernel has no FUSE or the device node is missing
	exitNotPermitted = 5 // the user may not do it
	exitMountPoint   = 6 // the mount point is missing, is no directory or cannot be written
	exitBusy         = 7 // something is mounted there already, the mount is in use, or a limit is below its use
	exitNotVanishfs  = 8 // the path is not on a vanishfs
	exitSpill        = 9 // the spill directory is missing, not writable or full
)

// The exit codes that mount(8) expects of its helpers (man 8 mount).
const (
	exitHelperUsage = 1
	exitHelperMount = 32
)

// coded is an error that says with which code the process ends.
type coded struct {
	code int
	err  error
}

func (c *coded) Error() string { return c.err.Error() }
func (c *coded) Unwrap() error { return c.err }

// withCode fixes the exit code of err; nil stays nil.
func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return &coded{code, err}
}

// silent is an exit code without a message: what was to be said has been said.
type silent int

func (silent) Error() string { return "" }

// exitCode is the code that err ends the process with.
func exitCode(err error) int {
	var c *coded
	var s silent
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &s):
		return int(s)
	case errors.As(err, &c):
		return c.code
	}
	for _, class := range classes {
		if errors.Is(err, class.is) {
			return class.code
		}
	}
	return exitFailure
}

// classes are the errors of the packages below, the first that fits counts.
var classes = []struct {
	is   error
	code int
}{
	{option.ErrUnknown, exitUsage},
	{option.ErrValue, exitValue},
	{lifecycle.ErrConfig, exitValue},
	{lifecycle.ErrNoDevice, exitNoDevice},
	{lifecycle.ErrMountPoint, exitMountPoint},
	{lifecycle.ErrBusy, exitBusy},
	{lifecycle.ErrSpill, exitSpill},
	{control.ErrInUse, exitBusy},
	{control.ErrFixed, exitValue},
	{control.ErrNotVanishfs, exitNotVanishfs},
	{lifecycle.ErrNotMountPoint, exitNotVanishfs},
	{lifecycle.ErrPermission, exitNotPermitted},
	{fs.ErrPermission, exitNotPermitted},
}
