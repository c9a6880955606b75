package system

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"vanishfs/integration/bench/load"
)

// A status is what a mount says of itself.
type status struct {
	Plane     string `json:"plane"`
	Transport string `json:"transport"`
	PID       int    `json:"pid"`
}

func (s status) String() string { return s.Plane + "+" + s.Transport }

func statusPath(dir string) string { return filepath.Join(dir, ".vanish", "status") }

// statusInside has the agent look, since the mount may be there only, or for its user only.
func statusInside(agent *load.Agent, dir string) (s status, err error) {
	r, err := agent.Do(load.Job{Read: statusPath(dir)})
	if err != nil {
		return s, err
	}
	if r.Err != "" {
		return s, fmt.Errorf("read the status: %s", r.Err)
	}
	return s, json.Unmarshal([]byte(r.Text), &s)
}
