package load

import (
	"os"
	"path/filepath"
	"strconv"
)

// runWorkers measures an operation in several processes at once, each in a
// directory of its own: nanoseconds per unit, all of them together.
func runWorkers(j *Job, operation string, procs int) (float64, error) {
	var crew workers
	defer crew.end()
	for i := range procs {
		dir := filepath.Join(j.Dir, strconv.Itoa(i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return 0, err
		}
		if err := crew.add(order{Operation: operation, Dir: dir, Sample: j.Sample, Steps: j.Steps, Sizes: j.Sizes.share(procs)}); err != nil {
			return 0, err
		}
	}
	return crew.together()
}

// share is the size of each one's files of n.
func (s Sizes) share(n int) Sizes {
	s.Stream = max(s.Stream/int64(n)/mebi, 1) * mebi
	s.Random /= int64(n)
	return s
}

// workers are processes that do the same.
type workers []*workerProcess

func (w *workers) add(o order) error {
	worker, err := startWorker(o)
	if err == nil {
		*w = append(*w, worker)
	}
	return err
}

func (w workers) ready() error {
	for _, worker := range w {
		if err := worker.ready(); err != nil {
			return err
		}
	}
	return nil
}

// together starts the workers at once, when all are ready, and adds up their rates.
func (w workers) together() (float64, error) {
	if err := w.ready(); err != nil {
		return 0, err
	}
	for _, worker := range w {
		if err := worker.start(); err != nil {
			return 0, err
		}
	}
	var rate float64
	for _, worker := range w {
		m, err := worker.result()
		if err != nil {
			return 0, err
		}
		rate += float64(m.Units) / float64(m.Elapsed)
	}
	return 1 / rate, nil
}

// inTurn has one after the other work, when all are ready, and takes the mean of all units.
func (w workers) inTurn() (float64, error) {
	if err := w.ready(); err != nil {
		return 0, err
	}
	var all measured
	for _, worker := range w {
		if err := worker.start(); err != nil {
			return 0, err
		}
		m, err := worker.result()
		if err != nil {
			return 0, err
		}
		all.Units += m.Units
		all.Elapsed += m.Elapsed
	}
	return float64(all.Elapsed) / float64(all.Units), nil
}

func (w workers) end() {
	for _, worker := range w {
		worker.end()
	}
}
