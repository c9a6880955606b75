package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	progress("making the inputs of the programs")
	if err := load.MakeInputs(e.Inputs, p.scope); err != nil {
		return err
	}
	results := &report.Results{Time: time.Now(), Machine: report.ThisMachine(), Rounds: p.rounds, Quick: p.quick, Files: p.sizes.Many}
	r := &rounds{plan: p, env: e, results: results}
	r.start()
	r.measureAll()
	results.Finish()
	if err := show(results); err != nil {
		return err
	}
	if err := save(results, p.out); err != nil {
		return err
	}
	return r.oursFailed()
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

func show(r *report.Results) error {
	if err := r.WriteTable(os.Stdout); err != nil {
		return err
	}
	fmt.Println()
	return r.WriteBounds(os.Stdout)
}

func save(r *report.Results, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(
		saveTo(filepath.Join(dir, "bench.json"), func(w io.Writer) error {
			encoder := json.NewEncoder(w)
			encoder.SetIndent("", " ")
			return encoder.Encode(r)
		}),
		saveTo(filepath.Join(dir, "bench.svg"), r.WriteChart))
}

func saveTo(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	progress("wrote %s", path)
	return nil
}
