package system

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"time"

	"vanishfs/integration/bench/load"
)

// A session makes a command that starts and ends a session of a system's.
type session func() *exec.Cmd

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

// addOwn adds what is measured beside the work on a mount: sessions with the same flags, and many such mounts.
func (m mount) addOwn(e *Env, s System, i *Instance, want status) error {
	if m.session == "" {
		return nil
	}
	program, err := e.vanishfs(s)
	if err != nil {
		return err
	}
	as := asCaller
	if m.session == load.SessionUser {
		as = e.asOrdinary
	}
	command, err := e.run(program, m.flags, want, as)
	i.Own = map[string]Measurement{load.Session: timeSessions(map[string]session{m.session: command})}
	if m.session == load.SessionRoot {
		i.Own[load.Mounts] = m.many(e, s)
	}
	return err
}

// run is `vanishfs run -- true` with these flags, as the user that as sets, once a first
// run has shown that its mount is of the same kind as the one measured.
func (e *Env) run(program string, flags []string, want status, as func(*exec.Cmd)) (session, error) {
	command := func(argv ...string) *exec.Cmd {
		cmd := exec.Command(program, append(append([]string{"run"}, flags...), append([]string{"--"}, argv...)...)...)
		as(cmd)
		return cmd
	}
	out, err := command("cat", statusPath("/tmp")).Output()
	if err != nil {
		return nil, fmt.Errorf("vanishfs run: %w", err)
	}
	var s status
	if err := json.Unmarshal(out, &s); err != nil {
		return nil, fmt.Errorf("status in vanishfs run: %w", err)
	}
	if s.String() != want.String() {
		return nil, fmt.Errorf("vanishfs run has %s, the mount %s", s, want)
	}
	return func() *exec.Cmd { return command("true") }, nil
}

// asCaller leaves the command to whoever runs the benchmark.
func asCaller(*exec.Cmd) {}

// unshare is what a session takes at least: a namespace for its mounts, and whatever the user needs to make one.
func (e *Env) unshare(options string, as func(*exec.Cmd)) session {
	return func() *exec.Cmd {
		cmd := exec.Command("unshare", options, "true")
		as(cmd)
		return cmd
	}
}
