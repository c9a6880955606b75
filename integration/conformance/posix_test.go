package conformance

import (
	"os"
	"strings"
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"

	"vanishfs/integration/harness"
)

// envAlone names the one case that a child process is to run as it stands.
const envAlone = "VANISHFS_TEST_POSIX_ALONE"

// TestPosix runs all of go-fuse's conformance cases. None is left out: one that
// has to fail, because Linux or vanishfs differs from what it expects, runs in
// a process of its own and must fail with what differences says.
func TestPosix(t *testing.T) {
	if name := os.Getenv(envAlone); name != "" {
		tree, _ := harness.Inside(t)
		posixtest.All[name](t, tree.Dir)
		return
	}
	if len(posixtest.All) < 32 {
		t.Fatalf("go-fuse has %d cases, had 32", len(posixtest.All))
	}
	cases := map[string]harness.Case{}
	for name, run := range posixtest.All {
		cases[name] = func(t *testing.T, tree harness.Tree) {
			if d, ok := differs(name, tree); ok {
				mustFail(t, tree, name, d)
				return
			}
			run(t, tree.Dir)
		}
	}
	harness.Conform(t, cases)
}

func mustFail(t *testing.T, tree harness.Tree, name string, d difference) {
	t.Helper()
	cmd := harness.AloneCommand(t, tree, "TestPosix")
	cmd.Env = append(cmd.Env, envAlone+"="+name)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("passes, though %s: take it out of the differences", d.why)
	} else if !strings.Contains(string(out), d.says) {
		t.Errorf("fails in another way than %q (%s):\n%s", d.says, d.why, out)
	}
}
