package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"vanishfs/lifecycle"
)

// The scripts run the command as its users do: as a process, with what it
// prints and how it ends.

func TestMain(m *testing.M) {
	lifecycle.ChildMain()
	testscript.Main(m, map[string]func(){"vanishfs": main, "mount.fuse.vanishfs": main, "mount.fuse": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// Built with -race, a process waits a second at its end for reports of others.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			env.Setenv("ISOLATED", isolated())
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits},
	})
}

// isolated runs a command in namespaces of its own, as root there, so that no mount and no process stays behind.
func isolated() string {
	command := "timeout 60 unshare --mount --pid --fork --kill-child --mount-proc"
	if os.Geteuid() != 0 {
		command += " --map-root-user"
	}
	return command
}

// exits CODE COMMAND... runs a command that ends with CODE, says nothing on
// standard output, and on standard error exactly one line that starts with "vanishfs: ".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	sh := []string{"-c", `out=$("$@" 2>stderr); code=$?
[ "$code" = "$0" ] || { echo "exit code $code, not $0: $(cat stderr)"; exit 1; }
[ -z "$out" ] || { echo "standard output: $out"; exit 1; }
[ "$(wc -l <stderr)" = 1 ] && grep -q '^vanishfs: [^A-Z]' stderr || { echo "message: $(cat stderr)"; exit 1; }`}
	ts.Check(ts.Exec("sh", append(sh, args...)...))
}
