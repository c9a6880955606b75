package system

import (
	"encoding/json"
	"fmt"
	"os/exec"
)

// session is `vanishfs run -- true`, as the user that as sets, once a first
// run has shown that its mount is of the same kind as the one measured.
func (e *Env) session(program string, want status, as func(*exec.Cmd)) (func() *exec.Cmd, error) {
	command := func(argv ...string) *exec.Cmd {
		cmd := exec.Command(program, append([]string{"run", "--"}, argv...)...)
		if as != nil {
			as(cmd)
		}
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
