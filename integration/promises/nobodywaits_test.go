package promises

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"vanishfs/integration/harness"
)

// What a user may have to wait because of another one, for any call that makes, finds or removes a name.
const (
	mostDelay   = 200 * time.Millisecond
	usualMost   = 50 * time.Millisecond // of 99 of 100 calls
	passingTime = 4 * time.Second
)

// TestNobodyWaits: however much one user asks for with all his threads, others go on. It is about time, and takes
// some: only with VANISHFS_LONG. VANISHFS_NATIVE shows a tmpfs of the kernel's beside it, which is held to nothing.
func TestNobodyWaits(t *testing.T) {
	if !harness.Long() || !harness.Root() {
		t.Skip("takes minutes, and wants a machine of its own and root: set VANISHFS_LONG")
	}
	for way, flags := range map[string][]string{
		"direct":   {"--huge=never", "--size=3GiB"},
		"mediated": {"--huge=never", "--size=3GiB", "--passthrough=off"},
		"counted":  {"--huge=never", "--size=3GiB", "--user-size=2GiB"},
		"tiered":   {"--store=tiered", "--memory=256MiB", "--size=3GiB"},
	} {
		for _, via := range []string{"dev", "uring"} {
			for what := range nuisances {
				t.Run(strings.Join([]string{way, via, what}, "/"), func(t *testing.T) {
					m := harness.Start(t, harness.Current(), append([]string{"--allow-other", "--xattr", "--transport=" + via}, flags...)...)
					d := delayBeside(t, m.Dir, what)
					t.Log(d)
					if d.p99 > usualMost || d.most > mostDelay {
						t.Errorf("others may wait %v, and %v once in a hundred times", mostDelay, usualMost)
					}
				})
			}
		}
	}
	if os.Getenv("VANISHFS_NATIVE") != "" {
		for what := range nuisances {
			t.Run("native/"+what, func(t *testing.T) {
				dir := harness.Tmpfs(t)
				if err := os.Chmod(dir, 0o1777); err != nil {
					t.Fatal(err)
				}
				t.Log(delayBeside(t, dir, what))
			})
		}
	}
}

// delayBeside is what a passer-by meets in dir, where a crowd makes a nuisance of itself.
func delayBeside(t *testing.T, dir, what string) delay {
	t.Helper()
	one := harness.Ordinary(t)
	other := harness.User{UID: 65534, GID: 65534, Home: "/"} // nobody
	stop := startCrowd(t, one, dir, what)
	defer stop()
	// Apart: in the crowd's directory he would wait for its lock, which each CREATE of theirs holds in turn.
	out, err := helperAs(other, "passerby", dir, passingTime.String(), "apart").Output()
	if err != nil {
		if e, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%v: %s", err, e.Stderr)
		}
		t.Fatal(err)
	}
	var took []time.Duration
	if err := json.Unmarshal(out, &took); err != nil || len(took) == 0 {
		t.Fatalf("the passer-by says %q: %v", out, err)
	}
	return delayOf(took)
}

// startCrowd has the crowd at work when it returns.
func startCrowd(t *testing.T, u harness.User, dir, what string) (stop func()) {
	t.Helper()
	cmd := helperAs(u, "crowd", dir, what)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(out, ready); err != nil {
		t.Errorf("the crowd is not ready: %v: %s", err, errs.Bytes())
	}
	return func() {
		in.Close()
		rounds, _ := io.ReadAll(out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the crowd: %v: %s", err, errs.Bytes())
		}
		t.Logf("the crowd came round %s times", bytes.TrimSpace(rounds))
	}
}
