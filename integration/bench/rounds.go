package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
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
	up      []*running
	failed  []error // of vanishfs
}

// A running system takes part until it is dead.
type running struct {
	system.System
	*system.Instance
	dead bool
}

func (s *running) takes(c load.Case) bool {
	return !s.dead && s.Kinds&c.Kind != 0 && (!c.Session || s.Session != nil)
}

// start brings the systems up; those that cannot come are left out, with the reason.
func (r *rounds) start() {
	for _, s := range r.plan.systems {
		progress("starting %s", s.Name)
		column := report.System{Name: s.Name, Title: s.Title}
		instance, err := s.Start(r.env)
		if err != nil {
			column.LeftOut = err.Error()
		} else {
			column.Note = instance.Note
			r.up = append(r.up, &running{System: s, Instance: instance})
		}
		r.results.Systems = append(r.results.Systems, column)
	}
}

// measureAll saves the results after each case, for whoever interrupts a long run.
func (r *rounds) measureAll() error {
	begin := time.Now()
	for i, c := range r.plan.cases {
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

// measureCase does a warm-up and the rounds. Each has an order of its own, so
// that no system always comes after the same one; the orders are those of every run.
func (r *rounds) measureCase(c load.Case, rows map[string]*report.Row) {
	first, last := 0, r.plan.rounds
	if c.Once || c.Long && r.plan.quick {
		first, last = 1, 1
	}
	out := map[*running]bool{}
	order := rand.New(rand.NewPCG(20, 26))
	for round := first; round <= last; round++ {
		for _, i := range order.Perm(len(r.up)) {
			s := r.up[i]
			if out[s] || !s.takes(c) {
				continue
			}
			if c.Once { // it takes minutes
				progress("        on %s", s.Name)
			}
			values, err := r.measure(s, c)
			if err != nil {
				out[s] = true
				r.fail(s, c, rows, err)
				continue
			}
			if round > 0 {
				for name, value := range values {
					rows[name].Add(s.Name, value)
				}
			}
		}
	}
	for _, s := range r.up {
		if s.takes(c) && !c.Session {
			r.ask(s, load.Job{Case: c.Name, Dir: jobDir(s, c), Clean: true})
		}
	}
}

func (r *rounds) measure(s *running, c load.Case) (map[string]float64, error) {
	if c.Session {
		value, err := timeSession(s.Session)
		return map[string]float64{c.Rows[0].Name: value}, err
	}
	if err := touchMemory(c.Memory(r.plan.sizes)); err != nil {
		return nil, err
	}
	result, err := r.ask(s, load.Job{
		Case: c.Name, Dir: jobDir(s, c), Sample: r.plan.sample, Sizes: r.plan.sizes, Inputs: r.env.Inputs, Daemon: s.Daemon,
	})
	if err != nil {
		return nil, err
	}
	if s.Name == system.Disk || s.Kinds&load.Beyond != 0 {
		settleDisk(r.env.Scratch)
	}
	if result.Unsupported {
		return nil, errUnsupported
	}
	if result.Err != "" {
		return nil, errors.New(result.Err)
	}
	return result.Values, nil
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
		return a.result, a.err
	case <-time.After(hangAfter):
		s.dead = true
		return load.Result{}, fmt.Errorf("no answer within %s", hangAfter)
	}
}

func (r *rounds) fail(s *running, c load.Case, rows map[string]*report.Row, err error) {
	for _, row := range rows {
		row.Fail(s.Name, err.Error())
	}
	if s.Ours {
		r.failed = append(r.failed, fmt.Errorf("%s on %s: %w", c.Name, s.Name, err))
	}
}

// oursFailed is an error if vanishfs could not do something.
func (r *rounds) oursFailed() error { return errors.Join(r.failed...) }
