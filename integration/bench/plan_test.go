package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
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

// TestPlanAgainst: each system is there with both binaries, and those of others are not.
func TestPlanAgainst(t *testing.T) {
	p, err := parsePlan([]string{"--scratch", "/nowhere", "--against", "/somewhere", "--systems", "direct+dev,user,tmpfs"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range p.systems {
		names = append(names, s.Name)
	}
	if want := []string{system.DirectDev, "direct+dev@old", system.User, "user@old"}; !slices.Equal(names, want) {
		t.Errorf("systems %v, want %v", names, want)
	}
}

// TestBinariesTakeTurns: the two are measured one right after the other, and each is first as often.
func TestBinariesTakeTurns(t *testing.T) {
	old := system.All[0].Older()
	r := &rounds{}
	for _, s := range []system.System{system.All[0], old, system.All[1]} {
		r.add(&running{System: s})
	}
	if len(r.up) != 2 || len(r.up[0]) != 2 || len(r.up[1]) != 1 {
		t.Fatalf("groups %v", r.up)
	}
	first := map[string]int{}
	run := &caseRun{rounds: r, order: rand.New(rand.NewPCG(1, 2))}
	for round := range 10 {
		for _, group := range run.turns(r.up, round) {
			first[group[0].Name]++
		}
	}
	if first[old.Name] != 5 || first[system.All[0].Name] != 5 || first[system.All[1].Name] != 10 {
		t.Errorf("first %v", first)
	}
}

// TestEveryCaseHasSystems: no case is left out because no system is of its kind, and a small
// memory budget is asked for what goes beyond it only.
func TestEveryCaseHasSystems(t *testing.T) {
	own := map[string]system.Measurement{}
	for _, c := range load.Cases() {
		own[c.Name] = func(load.Sizes) (map[string]float64, error) { return nil, nil }
	}
	for _, c := range load.Cases() {
		taken := map[string]bool{}
		for _, s := range system.All {
			r := &running{System: s, Instance: &system.Instance{Own: own}}
			taken[s.Name] = r.takes(c)
		}
		if !taken[system.TieredSpill] && !taken[system.Tiered] {
			t.Errorf("%s: neither of the tiered systems takes part", c.Name)
		}
		if taken[system.TieredSpill] && (c.Kind&(load.Ordinary|load.Basic|load.Heavy) != 0) {
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
