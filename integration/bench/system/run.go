package system

import (
	"os/exec"
	"syscall"

	"vanishfs/integration/bench/load"
)

// vanishfsRun is what an ordinary user has without any help: `vanishfs run`,
// its agent inside.
func vanishfsRun(e *Env, s System) (*Instance, error) {
	program, err := e.vanishfs(s)
	if err != nil {
		return nil, err
	}
	dir, err := e.mountPoint(s.Name)
	if err != nil {
		return nil, err
	}
	args := append(append([]string{"run"}, mount{}.limits()...), "--at", dir, "--", e.agentProgram(), AgentCommand)
	cmd, err := e.logged(exec.Command(program, args...), s.Name)
	if err != nil {
		return nil, err
	}
	cmd.Stdout = nil
	e.asOrdinary(cmd)
	i := &Instance{Dir: dir}
	if i.Agent, err = e.startAgent(cmd); err != nil {
		return nil, err
	}
	return i, mount{session: load.SessionUser}.check(e, s, i)
}

// asOrdinary makes the command an ordinary user's, if this is not one already.
func (e *Env) asOrdinary(cmd *exec.Cmd) {
	if e.Root {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: Ordinary, Gid: Ordinary}}
	}
}
