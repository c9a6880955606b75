package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/report"
	"vanishfs/integration/bench/system"
)

// TestRun is a run by the script with hardly any time for anything: every way of ours comes up, does the
// work and is compared with itself; requests are counted.
func TestRun(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root has all ways of mounting")
	}
	r := runScript(t, "--rows", "churn,rename,remove-freed,mounts", "--systems", "direct*,mediated*,user*,allow*,*size*,remove*,tmpfs")
	for _, s := range r.Systems {
		if s.LeftOut != "" {
			t.Errorf("%s: %s", s.Name, s.LeftOut)
		}
	}
	for _, row := range r.Rows {
		for _, s := range r.Systems {
			c := row.Cells[s.Name]
			if strings.HasPrefix(row.Name, load.Mounts) && c == nil {
				continue
			}
			if c == nil || c.Median <= 0 {
				t.Errorf("%s on %s: %+v", row.Name, s.Name, c)
			}
		}
	}
	churn := r.Rows[0].Cells
	if churn[system.Tmpfs].Requests != nil {
		t.Error("tmpfs has requests")
	}
	// CREATE, WRITE where the kernel does not write itself, FLUSH or RELEASE, UNLINK; hardly more.
	if c := churn[system.MediatedDev]; c.Requests == nil || *c.Requests < 3 || *c.Requests > 8 {
		t.Errorf("requests of a file's life: %v", c.Requests)
	}
}

// TestRunAgainst compares a binary with itself.
func TestRunAgainst(t *testing.T) {
	program := filepath.Join(t.TempDir(), "vanishfs")
	if err := goBuild("../..", filepath.Dir(program), "vanishfs", "./cmd/vanishfs"); err != nil {
		t.Fatal(err)
	}
	r := runScript(t, "--rows", "churn,session", "--systems", "mediated+dev,user", "--against", program, "--vanishfs", program)
	found := map[string]bool{}
	for _, c := range r.Comparisons {
		found[c.Row+" "+c.System] = c.Rounds > 0
	}
	for _, want := range []string{"churn mediated+dev", "churn user", "session mediated+dev", "session-user user"} {
		if !found[want] {
			t.Errorf("no comparison of %s: %+v", want, r.Comparisons)
		}
	}
}

func runScript(t *testing.T, args ...string) *report.Results {
	t.Helper()
	out := t.TempDir()
	args = append([]string{"--quick", "--rounds", "1", "--sample", "1ms", "--out", out}, args...)
	if output, err := exec.Command("../../scripts/bench", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	data, err := os.ReadFile(filepath.Join(out, "bench.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := &report.Results{}
	if err := json.Unmarshal(data, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestReaderEndsEarly: help that nobody reads to its end is no reason to leave the scratch directory, which the script
// has made by then.
func TestReaderEndsEarly(t *testing.T) {
	program, scratch := filepath.Join(t.TempDir(), "bench"), t.TempDir()
	if err := goBuild("../..", filepath.Dir(program), "bench", "./integration/bench"); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd := exec.Command(program, "--scratch", scratch, "--help")
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	w.Close()
	if _, err := os.Stat(scratch); !os.IsNotExist(err) {
		t.Errorf("the scratch directory is there: %v", err)
	}
}
