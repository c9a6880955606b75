package main

import (
	"errors"
	"slices"

	"vanishfs/integration/bench/load"
)

// Numbers of steps, whose difference leaves out what is before the first and after the last.
const fewSteps, manySteps = 16, 80

// countCase counts the requests of a step on every FUSE system, in a pass of its own so that no time is disturbed.
func (c *caseRun) countCase() {
	if c.tracefs == "" || !c.Counted() {
		return
	}
	for _, s := range slices.Concat(c.up...) {
		if !s.takes(c.Case) {
			continue
		}
		if requests, err := c.countStep(s); err == nil {
			c.rows[c.Rows[0].Name].Count(s.Name, requests)
		} else if !errors.Is(err, errNoFuse) {
			progress("no requests of %s on %s: %v", c.Case.Name, s.Name, err)
		}
	}
}

var errNoFuse = errors.New("not a FUSE filesystem")

// countStep is the number of requests of a step.
func (c *caseRun) countStep(s *running) (float64, error) {
	first, err := c.askSteps(s, 1) // which leaves what later ones find
	if err != nil {
		return 0, err
	}
	if first.Device == 0 {
		return 0, errNoFuse
	}
	counter, err := countRequests(c.tracefs, first.Device)
	if err != nil {
		return 0, err
	}
	defer counter.close()
	var sent [3]uint64
	for i, steps := range []int{0, fewSteps, manySteps} {
		if steps > 0 {
			if _, err := c.askSteps(s, steps); err != nil {
				return 0, err
			}
		}
		if sent[i], err = counter.sent(); err != nil {
			return 0, err
		}
	}
	few, many := sent[1]-sent[0], sent[2]-sent[1]
	return (float64(many) - float64(few)) / (manySteps - fewSteps), nil
}

func (c *caseRun) askSteps(s *running, steps int) (load.Result, error) {
	j := c.job(s, c.Case)
	j.Steps, j.Users = steps, min(j.Users, 1)
	return c.ask(s, j)
}
