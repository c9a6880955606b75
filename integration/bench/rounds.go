package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/report"
	"vanishfs/integration/bench/system"
)

// hangAfter is when a system that does not answer is given up.
const hangAfter = 15 * time.Minute

// rounds asks each system in turn, round by round.
type rounds struct {
	plan    *plan
	env     *system.Env
	results *report.Results
	tracefs string // where it is mounted; "" counts no requests
	// up are the systems in groups that are measured one right after the other: a system, or one with both binaries.
	up     [][]*running
	failed []error // of vanishfs
}

// A running system takes part until it is dead.
type running struct {
	system.System
	*system.Instance
	dead bool
}

func (s *running) takes(c load.Case) bool {
	return !s.dead && s.Kinds&c.Kind != 0 && (!c.Own || s.Own[c.Name] != nil)
}

// start brings the systems up; those that cannot come are left out, with the reason.
func (r *rounds) start() {
	for _, s := range r.plan.systems {
		progress("starting %s", s.Name)
		column := report.System{Name: s.Name, Title: s.Title, Older: s.IsOlder()}
		instance, err := s.Start(r.env)
		if err != nil {
			column.LeftOut = err.Error()
		} else {
			column.Note = instance.Note
			r.add(&running{System: s, Instance: instance})
		}
		r.results.Systems = append(r.results.Systems, column)
	}
}

func (r *rounds) add(s *running) {
	if last := len(r.up) - 1; s.IsOlder() && last >= 0 && system.OlderName(r.up[last][0].Name) == s.Name {
		r.up[last] = append(r.up[last], s)
		return
	}
	r.up = append(r.up, []*running{s})
}

// measureAll saves the results after each case, for whoever interrupts a long run.
func (r *rounds) measureAll() error {
	begin := time.Now()
	for i, c := range r.plan.cases {
		if !slices.ContainsFunc(slices.Concat(r.up...), func(s *running) bool { return s.takes(c) }) {
			continue
		}
		progress("%4.0f s, %d of %d: %s", time.Since(begin).Seconds(), i+1, len(r.plan.cases), c.Name)
		rows := map[string]*report.Row{}
		for _, row := range c.Rows {
			rows[row.Name] = r.results.AddRow(row, c.Kind)
		}
		r.measureCase(c, rows)
		r.results.Finish()
		if err := saveTo(r.plan.resultsFile(), r.results.WriteJSON); err != nil {
			return err
		}
	}
	return nil
}

func (r *rounds) measure(s *running, c load.Case) (map[string]float64, error) {
	if c.Own {
		return s.Own[c.Name](r.plan.sizes)
	}
	if err := touchMemory(c.Memory(r.plan.sizes)); err != nil {
		return nil, err
	}
	result, err := r.ask(s, r.job(s, c))
	if err != nil {
		return nil, err
	}
	if s.Name == system.Disk || s.Kinds&load.Beyond != 0 {
		settleDisk(r.env.Scratch)
	}
	return result.Values, nil
}

// job is the case as the system's agent is asked for it.
func (r *rounds) job(s *running, c load.Case) load.Job {
	sizes := r.plan.sizes
	sizes.Vanish = s.Vanish
	return load.Job{Case: c.Name, Dir: jobDir(s, c), Sample: r.plan.sample, Sizes: sizes, Inputs: r.env.Inputs, Daemon: s.Daemon, Users: s.Users}
}

var errUnsupported = errors.New("not supported")

func jobDir(s *running, c load.Case) string { return filepath.Join(s.Dir, c.Name) }

// ask has the system's agent do a job; a system that does not answer is dead.
func (r *rounds) ask(s *running, j load.Job) (load.Result, error) {
	type answer struct {
		result load.Result
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		result, err := s.Agent.Do(j)
		answers <- answer{result, err}
	}()
	select {
	case a := <-answers:
		s.dead = a.err != nil
		return a.result, failure(a.result, a.err)
	case <-time.After(hangAfter):
		s.dead = true
		return load.Result{}, fmt.Errorf("no answer within %s", hangAfter)
	}
}

// failure is why a job was not done.
func failure(r load.Result, err error) error {
	switch {
	case err != nil:
		return err
	case r.Unsupported:
		return errUnsupported
	case r.Err != "":
		return errors.New(r.Err)
	}
	return nil
}

func (r *rounds) fail(s *running, c load.Case, rows map[string]*report.Row, err error) {
	for _, row := range rows {
		row.Fail(s.Name, err.Error())
	}
	if s.Ours && !s.IsOlder() {
		r.failed = append(r.failed, fmt.Errorf("%s on %s: %w", c.Name, s.Name, err))
	}
}

// oursFailed is an error if vanishfs could not do something.
func (r *rounds) oursFailed() error { return errors.Join(r.failed...) }
