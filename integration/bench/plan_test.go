package main

import (
	"testing"

	"vanishfs/integration/bench/load"
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

func TestPlanWithoutRowsIsRefused(t *testing.T) {
	if _, err := parsePlan([]string{"--scratch", "/nowhere", "--rows", "nosuchrow"}); err == nil {
		t.Error("a plan without rows")
	}
}
