// Command bench measures vanishfs beside other filesystems, in turn, in one
// run; scripts/bench builds and starts it.
//
// It consists of four kinds of processes, all this program:
//
//	bench            makes namespaces, puts the kernel's settings back, removes the scratch directory
//	└ bench inside   init of those namespaces: builds, mounts, asks for measurements, reports
//	  ├ bench agent  one for each system, works on it (package load)
//	  │ └ bench worker  the tight loops
//	  └ the daemons of the systems (package system)
//
// When the second one ends, however it does, the kernel ends everything below it
// and takes its mounts apart.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/system"
)

const insideCommand = "inside"

func main() {
	// A reader that ends early, as in `scripts/bench --help | head`, is an error of a write and not the end before
	// everything is cleared away. What is started here gets the signal's default back.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if err := dispatch(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		if !errors.Is(err, errReported) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

func dispatch(args []string) error {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	switch command {
	case load.WorkerCommand:
		return load.Worker(os.Stdin, os.Stdout)
	case system.AgentCommand:
		return load.ServeJobs(os.Stdin, os.Stdout)
	case insideCommand:
		plan, err := parsePlan(args[1:])
		if err != nil {
			return err
		}
		return runInside(plan)
	}
	plan, err := parsePlan(args)
	if err != nil {
		return errors.Join(err, os.RemoveAll(plan.scratch))
	}
	return contain(plan, args)
}
