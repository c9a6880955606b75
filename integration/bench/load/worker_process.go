package load

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// A workerProcess is the other end of Worker.
type workerProcess struct {
	cmd   *exec.Cmd
	stdin io.Closer
	to    *json.Encoder
	from  *json.Decoder
}

func startWorker(o order) (*workerProcess, error) {
	cmd := exec.Command("/proc/self/exe", WorkerCommand)
	// A preemption signal of the runtime's would interrupt requests in flight.
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	w := &workerProcess{cmd: cmd, stdin: in, to: json.NewEncoder(in), from: json.NewDecoder(out)}
	return w, w.to.Encode(o)
}

// ready waits until the worker has prepared; a worker that cannot answers with
// its result at once.
func (w *workerProcess) ready() error {
	var raw json.RawMessage
	if err := w.from.Decode(&raw); err != nil {
		return fmt.Errorf("worker ended: %w", err)
	}
	var m measured
	if json.Unmarshal(raw, &m) == nil {
		return m.err()
	}
	return nil
}

// start has a worker that is ready begin.
func (w *workerProcess) start() error { return w.to.Encode("go") }

// result waits for what a worker measured.
func (w *workerProcess) result() (m measured, err error) {
	if err := w.from.Decode(&m); err != nil {
		return m, fmt.Errorf("worker ended: %w", err)
	}
	return m, m.err()
}

func (w *workerProcess) end() {
	w.stdin.Close()
	w.cmd.Wait()
}
