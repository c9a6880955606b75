// Command vanishfs mounts filesystems whose files vanish, runs programs in
// them, and talks to those that are mounted. It parses, validates and wires;
// what the words mean is in the packages lifecycle and fs. The manual is in the
// directory man.
package main

import (
	"os"

	"vanishfs/lifecycle"
)

func main() {
	lifecycle.ChildMain()
	os.Exit(mainCode(os.Args))
}

// mainCode runs the command line and returns the exit code.
func mainCode(argv []string) int {
	var err error
	if call, ok := helperCallOf(argv); ok {
		err = call.run()
	} else {
		err = execute(argv[1:], os.Stdout)
	}
	code := exitCode(err)
	if err != nil && err.Error() != "" {
		printError(os.Stderr, err)
	}
	return code
}
