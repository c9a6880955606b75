package system

import (
	"encoding/json"
	"fmt"
	"os/exec"
)

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
