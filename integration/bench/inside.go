package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/report"
	"vanishfs/integration/bench/system"
)

// runInside is the whole run, inside the namespaces.
func runInside(p *plan) error {
	if err := settle(p); err != nil {
		return err
	}
	e := &system.Env{Scratch: p.scratch, Bin: p.below("bin"), Inputs: p.below("inputs"), Root: initialRoot()}
	progress("building")
	if err := build(p, e.Bin); err != nil {
		return err
	}
	if err := makeInputs(p, e.Inputs); err != nil {
		return err
	}
	results := &report.Results{Time: time.Now(), Machine: report.ThisMachine(), Rounds: p.rounds, Quick: p.quick, Files: p.sizes.Many}
	r := &rounds{plan: p, env: e, results: results, tracefs: p.below("tracing")}
	if err := mountTracefs(r.tracefs); err != nil {
		progress("requests are not counted: mount tracefs: %v", err)
		r.tracefs = ""
	}
	if err := os.MkdirAll(p.out, 0o755); err != nil {
		return err
	}
	r.start()
	if err := r.measureAll(); err != nil {
		return err
	}
	if err := show(results); err != nil {
		return err
	}
	progress("wrote %s", p.resultsFile())
	if p.against != "" {
		return r.oursFailed()
	}
	if err := saveTo(p.chartFile(), results.WriteChart); err != nil {
		return err
	}
	progress("wrote %s", p.chartFile())
	return r.oursFailed()
}

// makeInputs makes what programs work on, if there are any in the plan.
func makeInputs(p *plan, dir string) error {
	if !slices.ContainsFunc(p.cases, func(c load.Case) bool { return c.Long }) {
		return nil
	}
	progress("making the inputs of the programs")
	return load.MakeInputs(dir, p.scope)
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

func show(r *report.Results) error {
	if len(r.Comparisons) > 0 {
		return r.WriteComparison(os.Stdout)
	}
	if err := r.WriteTable(os.Stdout); err != nil {
		return err
	}
	fmt.Println()
	return r.WriteBounds(os.Stdout)
}

// saveTo replaces a file as a whole: a run can be interrupted at any time.
func saveTo(path string, write func(io.Writer) error) error {
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
