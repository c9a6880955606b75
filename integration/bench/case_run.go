package main

import (
	"math/rand/v2"
	"slices"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/report"
)

// A caseRun is a case in all its rounds.
type caseRun struct {
	*rounds
	load.Case
	rows  map[string]*report.Row
	out   map[*running]bool // systems that could not do it
	order *rand.Rand        // the same in every run
}

// measureCase does a warm-up and the rounds.
func (r *rounds) measureCase(c load.Case, rows map[string]*report.Row) {
	run := &caseRun{rounds: r, Case: c, rows: rows, out: map[*running]bool{}, order: rand.New(rand.NewPCG(20, 26))}
	run.countCase()
	first, last := 0, r.plan.rounds
	if c.Once || c.Long && r.plan.quick {
		first, last = 1, 1
	}
	for round := first; round <= last; round++ {
		run.round(r.up, round)
	}
	run.lookAgain(last + 1)
	for _, s := range slices.Concat(r.up...) {
		if s.takes(c) && !c.Own {
			r.ask(s, load.Job{Case: c.Name, Dir: jobDir(s, c), Clean: true})
		}
	}
}

// round measures every system once; round 0 is the warm-up.
func (c *caseRun) round(groups [][]*running, round int) {
	for _, s := range slices.Concat(c.turns(groups, round)...) {
		if !c.out[s] && s.takes(c.Case) {
			c.sample(s, round)
		}
	}
}

// turns is an order of the round's own, so that no system always comes after the same one; of two binaries
// each comes first in every other round.
func (c *caseRun) turns(groups [][]*running, round int) [][]*running {
	turns := make([][]*running, len(groups))
	for to, from := range c.order.Perm(len(groups)) {
		turns[to] = slices.Clone(groups[from])
		if round%2 == 1 {
			slices.Reverse(turns[to])
		}
	}
	return turns
}

func (c *caseRun) sample(s *running, round int) {
	if c.Once { // it takes minutes
		progress("        on %s", s.Name)
	}
	values, err := c.measure(s, c.Case)
	if err != nil {
		c.out[s] = true
		c.fail(s, c.Case, c.rows, err)
		return
	}
	if round == 0 {
		return
	}
	for name, value := range values {
		c.rows[name].Add(s.Name, value)
	}
}

// lookAgain measures anew, in twice as many rounds, where one of two binaries seems to be slower: of hundreds of
// comparisons some do by chance.
func (c *caseRun) lookAgain(round int) {
	suspects := slices.DeleteFunc(slices.Clone(c.up), func(group []*running) bool { return !c.suspect(group[0].Name) })
	for _, row := range c.rows {
		for _, s := range slices.Concat(suspects...) {
			row.Forget(s.Name)
		}
	}
	for range 2 * c.plan.rounds {
		c.round(suspects, round)
		round++
	}
}

func (c *caseRun) suspect(name string) bool {
	for _, row := range c.rows {
		if found, ok := row.Compare(name); ok && found.Change != report.Same {
			return true
		}
	}
	return false
}
