package main

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/report"
	"vanishfs/integration/bench/system"
)

func TestPlanChooses(t *testing.T) {
	p, err := parsePlan([]string{"--scratch", "/nowhere", "--quick", "--files", "7000", "--rows", "churn*,tar", "--systems", "tmpfs,direct+*"})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(p.cases); got != 4 { // churn, churn-x2, churn-x4, tar
		t.Errorf("%d cases", got)
	}
	if len(p.systems) != 3 || p.systems[0].Name != system.DirectUring {
		t.Errorf("systems %v", p.systems)
	}
	if p.rounds != 3 || p.sizes.Stream != load.Quick.Stream || p.sizes.Many != 7000 {
		t.Errorf("not quick: %+v", p)
	}
}

// TestEveryCaseHasSystems: no case is left out because no system is of its kind, and a small
// memory budget is asked for what goes beyond it only.
func TestEveryCaseHasSystems(t *testing.T) {
	for _, c := range load.Cases() {
		taken := map[string]bool{}
		for _, s := range system.All {
			r := &running{System: s, Instance: &system.Instance{Session: func() *exec.Cmd { return nil }}}
			taken[s.Name] = r.takes(c)
		}
		if !taken[system.TieredSpill] && !taken[system.Tiered] {
			t.Errorf("%s: neither of the tiered systems takes part", c.Name)
		}
		if taken[system.TieredSpill] && (c.Kind == load.Ordinary || c.Kind == load.Heavy) {
			t.Errorf("%s: takes the small memory budget", c.Name)
		}
		if c.Kind == load.Beyond && !taken[report.Base(c.Kind)] {
			t.Errorf("%s: %s, which it is compared with, does not take part", c.Name, report.Base(c.Kind))
		}
	}
}

func TestPlanWithoutRowsIsRefused(t *testing.T) {
	if _, err := parsePlan([]string{"--scratch", "/nowhere", "--rows", "nosuchrow"}); err == nil {
		t.Error("a plan without rows")
	}
}

// TestNoPlanLeavesNothing: the script has made the scratch directory by then.
func TestNoPlanLeavesNothing(t *testing.T) {
	for _, args := range [][]string{{"--rows", "nosuchrow"}, {"--help"}, {"--nosuchflag"}, {"extra"}} {
		scratch := t.TempDir()
		if err := dispatch(append([]string{"--scratch", scratch}, args...)); err == nil {
			t.Errorf("%v is taken", args)
		}
		if _, err := os.Stat(scratch); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after %v there still is the scratch directory: %v", args, err)
		}
	}
}
