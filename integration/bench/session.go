package main

import (
	"fmt"
	"time"

	"vanishfs/integration/bench/load"
	"vanishfs/integration/bench/system"
)

// sessionsInSample is how often a session is started for one sample.
const sessionsInSample = 10

// timeSessions measures a system's sessions, by row.
func timeSessions(sessions map[string]system.Session) (map[string]float64, error) {
	values := map[string]float64{}
	for row, command := range sessions {
		value, err := timeSession(command)
		if err != nil {
			return nil, err
		}
		values[row] = value
	}
	return values, nil
}

// timeSession takes the median time of starting and ending a session.
func timeSession(command system.Session) (float64, error) {
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
