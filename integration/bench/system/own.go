package system

import (
	"fmt"
	"os/exec"
	"time"

	"vanishfs/integration/bench/load"
)

// A Measurement is of what the system does as a whole, rather than of work in its directory: values by row.
type Measurement func(s load.Sizes) (map[string]float64, error)

// sessionsInSample is how often a session is started for one sample.
const sessionsInSample = 10

// timeSessions takes the median time of starting and ending sessions, by row.
func timeSessions(sessions map[string]session) Measurement {
	return func(load.Sizes) (map[string]float64, error) {
		values := map[string]float64{}
		for row, command := range sessions {
			samples := make([]float64, sessionsInSample)
			for i := range samples {
				cmd := command()
				start := time.Now()
				if out, err := cmd.CombinedOutput(); err != nil {
					return nil, fmt.Errorf("%s: %w: %s", cmd, err, out)
				}
				samples[i] = float64(time.Since(start))
			}
			values[row] = load.Median(samples)
		}
		return values, nil
	}
}

// A session makes a command that starts and ends a session of a system's.
type session func() *exec.Cmd
