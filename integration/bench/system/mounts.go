package system

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/integration/bench/load"
)

// many has so many mounts at the same time: how long each takes until it is there, and how much memory.
func (m mount) many(e *Env, s System) Measurement {
	return func(sizes load.Sizes) (values map[string]float64, err error) {
		var daemons []*daemon
		defer func() {
			for _, d := range daemons {
				err = errors.Join(err, d.unmount())
			}
		}()
		ready, memory := make([]float64, sizes.Mounts), 0.0
		for i := range ready {
			start := time.Now()
			d, err := m.mount(e, s, s.Name+"-"+strconv.Itoa(i))
			if err != nil {
				return nil, err
			}
			ready[i] = float64(time.Since(start))
			daemons = append(daemons, d)
		}
		for _, d := range daemons {
			bytes, err := proportional(d.cmd.Process.Pid)
			if err != nil {
				return nil, err
			}
			memory += bytes
		}
		return map[string]float64{load.MountsReady: load.Median(ready), load.MountsMemory: memory / float64(len(daemons))}, nil
	}
}

// unmount ends a daemon by taking its mount away.
func (d *daemon) unmount() error {
	if err := unix.Unmount(d.dir, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", d.dir, err)
	}
	select {
	case <-d.ended:
		return nil
	case <-time.After(readyWithin):
		return fmt.Errorf("the daemon of %s does not end", d.dir)
	}
}

// proportional is a process's memory, bytes, with its share of what others map too (Pss of /proc/PID/smaps_rollup).
func proportional(pid int) (float64, error) {
	path := fmt.Sprintf("/proc/%d/smaps_rollup", pid)
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, after, _ := bytes.Cut(data, []byte("\nPss:"))
	fields := bytes.Fields(after)
	if len(fields) == 0 {
		return 0, fmt.Errorf("no Pss in %s", path)
	}
	kib, err := strconv.ParseFloat(string(fields[0]), 64)
	return kib * 1024, err
}
