package main

import (
	"fmt"
	"os/exec"
	"time"

	"vanishfs/integration/bench/load"
)

// sessionsInSample is how often a session is started for one sample.
const sessionsInSample = 10

// timeSession takes the median time of starting and ending a session.
func timeSession(command func() *exec.Cmd) (float64, error) {
	samples := make([]float64, sessionsInSample)
	for i := range samples {
		cmd := command()
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%s: %w: %s", cmd, err, out)
		}
		samples[i] = float64(time.Since(start))
	}
	return load.Median(samples), nil
}
