// Package harness mounts the built binary for the integration tests and shows
// that nothing is left of it afterwards.
//
// A test package hands its TestMain to [Main], which builds vanishfs once (with
// the race detector when the tests have it) and puts a copy of the test binary
// where an ordinary user can execute it: parts of the tests run in processes of
// their own, as another user or inside `vanishfs run`, and those processes are
// the test binary again (see [Helper] and [Variant.Inside]).
//
// The tests depend on a binary that `go test` does not know as an input, so
// its result cache does not notice a changed program: run them with -count=1.
package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Environment of a re-executed test binary.
const (
	envHelper  = "VANISHFS_TEST_HELPER"  // name of the helper to run in place of the tests
	envInside  = "VANISHFS_TEST_INSIDE"  // directory that a variant's cases are to run in
	envBinary  = "VANISHFS_TEST_BINARY"  // a built vanishfs: set for children, and to test another build
	envScratch = "VANISHFS_TEST_SCRATCH" // where to make the scratch directory; any user has to reach it
	envLong    = "VANISHFS_LONG"         // see Long
	envSelf    = "VANISHFS_TEST_SELF"    // the readable copy of the test binary
)

var (
	program string // the vanishfs binary
	self    string // a copy of this test binary that any user may execute
	scratch string // a directory that any user may search and list; on disk, never on a vanishfs
)

// Main runs the tests of a package, or the helper that this process was
// started as. It does not return.
func Main(m *testing.M) {
	if name := os.Getenv(envHelper); name != "" {
		os.Exit(runHelper(name, os.Args[1:]))
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration harness:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if raceEnabled {
		// Or else every process with the race detector sleeps a second before it ends.
		os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	}
	if os.Getenv(envInside) != "" {
		program, self = os.Getenv(envBinary), os.Getenv(envSelf)
		scratch = filepath.Dir(self)
		return m.Run(), nil
	}
	// Neither /tmp nor $TMPDIR: the tests mount over /tmp in namespaces and must still reach this.
	base := os.Getenv(envScratch)
	if base == "" {
		base = "/var/tmp"
	}
	if scratch, err = os.MkdirTemp(base, "vanishfs-test-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(scratch)
	if err := os.Chmod(scratch, 0o755); err != nil {
		return 1, err
	}
	if program = os.Getenv(envBinary); program == "" {
		program = filepath.Join(scratch, "vanishfs")
		if err := build(program, raceEnabled); err != nil {
			return 1, err
		}
	}
	exe, err := os.Executable()
	if err != nil {
		return 1, err
	}
	self = filepath.Join(scratch, filepath.Base(exe))
	if err := copyExecutable(self, exe); err != nil {
		return 1, err
	}
	if err := prepareMachine(); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func build(out string, race bool) error {
	args := []string{"build", "-o", out}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "vanishfs/cmd/vanishfs")...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, strings.TrimSpace(string(text)))
	}
	return nil
}

func copyExecutable(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

// Program is the path of the vanishfs binary.
func Program() string { return program }

// PlainProgram is the path of the binary without the race detector, which takes memory and addresses of its own.
func PlainProgram() string {
	if !raceEnabled {
		return program
	}
	buildPlain.Do(func() {
		if err := build(filepath.Join(scratch, "vanishfs.plain"), false); err != nil {
			panic(err)
		}
	})
	return filepath.Join(scratch, "vanishfs.plain")
}

var buildPlain sync.Once

// Race says that the tests, and so the binary, have the race detector: they are
// about ten times slower.
func Race() bool { return raceEnabled }

// Long reports whether the tests are to take their time: a million files where else there are thousands. Who asks is
// named in scripts/test, for its -long.
func Long() bool { return os.Getenv(envLong) != "" }
