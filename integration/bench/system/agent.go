package system

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"vanishfs/integration/bench/load"
)

// AgentCommand is the word that makes the program an agent: see load.ServeJobs.
const AgentCommand = "agent"

// startAgent runs the agent with the command line in front of its own, if any.
func (e *Env) startAgent(cmd *exec.Cmd) (*load.Agent, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Env = append(os.Environ(), "HOME="+e.Scratch, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1",
		// The runtime's preemption signal would interrupt requests in flight.
		"GODEBUG=asyncpreemptoff=1")
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start agent: %w", err)
	}
	return load.NewAgent(in, out), nil
}

// here is the agent in the benchmark's own namespace.
func (e *Env) here() (*load.Agent, error) {
	return e.startAgent(exec.Command(e.agentProgram(), AgentCommand))
}

// agentProgram is this program where every user can execute it.
func (e *Env) agentProgram() string { return filepath.Join(e.Bin, "bench") }
