package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// ServeJobs is the agent: it carries out jobs until in ends.
func ServeJobs(in io.Reader, out io.Writer) error {
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var j Job
		if err := decoder.Decode(&j); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read job: %w", err)
		}
		if err := encoder.Encode(j.do()); err != nil {
			return fmt.Errorf("send result: %w", err)
		}
	}
}

func (j *Job) do() Result {
	if j.Clean {
		return result(nil, j.clean())
	}
	if j.Read != "" {
		data, err := os.ReadFile(j.Read)
		r := result(nil, err)
		r.Text = string(data)
		return r
	}
	c, ok := findCase(j.Case)
	if !ok {
		return result(nil, fmt.Errorf("no case %q", j.Case))
	}
	if err := os.MkdirAll(j.Dir, 0o755); err != nil {
		return result(nil, err)
	}
	if c.run != nil {
		return result(c.run(j))
	}
	value, err := j.operate(c)
	r := result(map[string]float64{c.Name: value}, err)
	r.Device = fuseDevice(j.Dir)
	return r
}

// fuseDevice is the device of a directory on a FUSE filesystem, and 0 of any other.
func fuseDevice(dir string) uint64 {
	var sys unix.Statfs_t
	var st unix.Stat_t
	if unix.Statfs(dir, &sys) != nil || sys.Type != unix.FUSE_SUPER_MAGIC || unix.Stat(dir, &st) != nil {
		return 0
	}
	return st.Dev
}

// operate measures a small operation.
func (j *Job) operate(c Case) (float64, error) {
	if j.Users == 0 {
		return runWorkers(j, c.operation, c.procs)
	}
	o, _ := findOperation(c.operation)
	return runUsers(j, o)
}

func result(values map[string]float64, err error) Result {
	if err == nil {
		return Result{Values: values}
	}
	return Result{Unsupported: errors.Is(err, syscall.EOPNOTSUPP), Err: err.Error()}
}

// An Agent is the other end of ServeJobs.
type Agent struct {
	to   *json.Encoder
	from *json.Decoder
}

// NewAgent talks to an agent process through its standard input and output.
func NewAgent(in io.Writer, out io.Reader) *Agent {
	return &Agent{to: json.NewEncoder(in), from: json.NewDecoder(out)}
}

// Do has the agent carry out a job and waits for the result.
func (a *Agent) Do(j Job) (r Result, err error) {
	if err := a.to.Encode(j); err != nil {
		return r, fmt.Errorf("send job %s: %w", j.Case, err)
	}
	if err := a.from.Decode(&r); err != nil {
		return r, fmt.Errorf("agent ended during %s: %w", j.Case, err)
	}
	return r, nil
}

// freshDir makes an empty directory in the job's.
func (j *Job) freshDir(name string) (string, error) {
	dir := filepath.Join(j.Dir, name)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o755)
}
