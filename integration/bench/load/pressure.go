package load

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Pressure is the case of small requests beside a process that writes at full speed, more than the
// memory budget. PressureRow names its rows.
const Pressure = "pressure"

// PressureRequests are the small requests: the life of a small file, and reads of a file in memory.
var PressureRequests = []string{"life", "read"}

// PressureRow is the name of a row: when is idle or busy, what is median or mean.
func PressureRow(request, when, what string) string {
	return Pressure + "-" + request + "-" + when + "-" + what
}

// pressureWriter is the row of the writer's own speed.
const pressureWriter = Pressure + "-writer"

var pressureOperations = []operation{
	{name: "life", title: "create, write, read, close, unlink 4 KiB", prepare: smallLife},
	{name: "read", title: "read 4 KiB in memory, O_DIRECT", prepare: hotRead},
	{name: "pour", prepare: pour},
}

func pressureCase() Case {
	c := Case{Name: Pressure, Kind: Latency, memory: beyondMemory, run: runPressure}
	for _, request := range PressureRequests {
		o, _ := findOperation(request)
		for _, when := range []string{"idle", "busy"} {
			for _, what := range []string{"median", "mean"} {
				title := fmt.Sprintf("%s, the writer %s, %s", o.title, when, what)
				c.Rows = append(c.Rows, Row{Name: PressureRow(request, when, what), Title: title, Unit: Micros})
			}
		}
	}
	c.Rows = append(c.Rows, Row{Name: pressureWriter, Title: "the writer itself", Unit: Rate})
	return c
}

// runPressure takes all latencies beside a writer that has written its file once and waits, and
// then beside the same writer at work.
func runPressure(j *Job) (map[string]float64, error) {
	writer, err := j.startWorker("pour", forever)
	if err != nil {
		return nil, err
	}
	defer writer.kill()
	if err := writer.ready(); err != nil {
		return nil, err
	}
	values := map[string]float64{}
	if err := j.latencies("idle", values); err != nil {
		return nil, err
	}
	if err := writer.start(); err != nil {
		return nil, err
	}
	before, start := writer.written(), time.Now()
	if err := j.latencies("busy", values); err != nil {
		return nil, err
	}
	elapsed, written := time.Since(start), writer.written()-before
	if written == 0 {
		return nil, fmt.Errorf("the writer did not write within %s", elapsed)
	}
	values[pressureWriter] = float64(elapsed) * mebi / float64(written)
	return values, nil
}

// forever is longer than any measurement.
const forever = time.Hour

// latencies measures all small requests.
func (j *Job) latencies(when string, values map[string]float64) error {
	for _, request := range PressureRequests {
		// Rare delays are to show: they take a longer sample than a loop's mean.
		w, err := j.startWorker(request, 2*j.Sample)
		if err != nil {
			return err
		}
		m, err := w.measure()
		w.end()
		if err != nil {
			return err
		}
		values[PressureRow(request, when, "median")] = float64(m.Median)
		values[PressureRow(request, when, "mean")] = float64(m.Elapsed) / float64(m.Units)
	}
	return nil
}

// startWorker starts a worker in a directory of the operation's.
func (j *Job) startWorker(operation string, sample time.Duration) (*workerProcess, error) {
	dir := filepath.Join(j.Dir, operation)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return startWorker(order{Operation: operation, Dir: dir, Sample: sample, Sizes: j.Sizes})
}

func (w *workerProcess) measure() (m measured, err error) {
	if err := w.ready(); err != nil {
		return m, err
	}
	if err := w.start(); err != nil {
		return m, err
	}
	return w.result()
}

// kill ends a worker in the middle of its work.
func (w *workerProcess) kill() {
	w.cmd.Process.Kill()
	w.end()
}

// written is how much the worker has passed to write calls, bytes: wchar of /proc/PID/io. It is
// 0 if that cannot be read.
func (w *workerProcess) written() int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", w.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(data, []byte("wchar: "))
	number, _, _ := bytes.Cut(after, []byte("\n"))
	n, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
