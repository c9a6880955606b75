package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

// WorkerCommand is the word that makes the program a worker: see Worker.
const WorkerCommand = "worker"

// An order is what a worker is to do; procs share the sizes.
type order struct {
	Operation string
	Dir       string
	User      int // to become; 0 stays
	Sample    time.Duration
	Steps     int // instead of a sample, as in Job
	Sizes     Sizes
}

// A measured is a worker's answer.
type measured struct {
	Units   int64
	Elapsed time.Duration
	Median  time.Duration // of single steps, only where an operation asks for it
	Errno   syscall.Errno
	Err     string
}

// Worker measures one operation in this process: it prepares, says so, waits
// for a line and goes.
func Worker(in io.Reader, out io.Writer) error {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	var o order
	if err := decoder.Decode(&o); err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	return encoder.Encode(o.measure(func() error {
		if err := encoder.Encode("ready"); err != nil {
			return err
		}
		var start string
		return decoder.Decode(&start)
	}))
}

// measure prepares, waits for the start and measures.
func (o *order) measure(start func() error) (m measured) {
	err := func() error {
		op, ok := findOperation(o.Operation)
		if !ok {
			return fmt.Errorf("no operation %q", o.Operation)
		}
		if err := os.Chdir(o.Dir); err != nil {
			return err
		}
		if o.User != 0 {
			if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(o.User), syscall.Setuid(o.User)); err != nil {
				return fmt.Errorf("become user %d: %w", o.User, err)
			}
		}
		work, err := op.prepare(o.Sizes)
		if err != nil {
			return fmt.Errorf("prepare %s: %w", op.name, err)
		}
		if err := start(); err != nil {
			return err
		}
		if o.Steps > 0 {
			m.Units, m.Elapsed, err = work.repeat(o.Steps)
			return err
		}
		if work.single {
			m.Units, m.Elapsed, m.Median, err = work.measureSingle(o.Sample)
			return err
		}
		m.Units, m.Elapsed, err = work.measure(o.Sample)
		return err
	}()
	if err != nil {
		m.Err = err.Error()
		errors.As(err, &m.Errno)
	}
	return m
}

func (m *measured) err() error {
	switch {
	case m.Err == "":
		return nil
	case m.Errno != 0:
		return fmt.Errorf("%s (%w)", m.Err, m.Errno)
	}
	return errors.New(m.Err)
}
