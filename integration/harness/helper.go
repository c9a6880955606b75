package harness

import (
	"fmt"
	"os"
	"os/exec"
)

var helpers = map[string]func(args []string) int{}

// Helper registers what a process started by [HelperCommand] does. Call it from
// a package-level variable or init. The result is the exit code.
func Helper(name string, f func(args []string) int) {
	if helpers[name] != nil {
		panic("helper registered twice: " + name)
	}
	helpers[name] = f
}

func runHelper(name string, args []string) int {
	f := helpers[name]
	if f == nil {
		fmt.Fprintln(os.Stderr, "no such helper:", name)
		return 99
	}
	os.Unsetenv(envHelper)
	return f(args)
}

// HelperCommand is a process of its own that runs the named helper.
func HelperCommand(name string, args ...string) *exec.Cmd {
	if helpers[name] == nil {
		panic("no such helper: " + name)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), envHelper+"="+name)
	return cmd
}

// HelperArgs is the same as an argument list, for use behind `vanishfs run --`.
func HelperArgs(name string, args ...string) []string {
	if helpers[name] == nil {
		panic("no such helper: " + name)
	}
	return append([]string{"/usr/bin/env", envHelper + "=" + name, self}, args...)
}

// Scratch is a directory on disk for files that a test does not want on the
// filesystem under test. Any user may search it.
func Scratch() string { return scratch }
