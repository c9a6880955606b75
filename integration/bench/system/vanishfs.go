package system

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"vanishfs/integration/bench/load"
)

// vanishfs is a mount with the given flags, which is to become what its name says.
func vanishfs(flags ...string) func(*Env, System) (*Instance, error) {
	return func(e *Env, s System) (*Instance, error) {
		want := strings.TrimSuffix(s.Name, olderSuffix)
		i, st, err := e.mountVanishfs(s, want, flags)
		if err != nil || want != DirectUring {
			return i, err
		}
		program, err := e.vanishfs(s)
		if err != nil {
			return nil, err
		}
		i.Session, err = e.session(program, st, nil)
		return i, err
	}
}

// tiered is a mount with the tiered store, that much memory and the scratch directory's disk.
func tiered(memory string) func(*Env, System) (*Instance, error) {
	return func(e *Env, s System) (*Instance, error) {
		i, st, err := e.mountVanishfs(s, MediatedUring, []string{"--store=tiered", "--memory", memory, "--spill-dir", e.Scratch, "--transport=uring"})
		if err == nil {
			i.Note = fmt.Sprintf("%s, %s of memory", st, memory)
		}
		return i, err
	}
}

// mountVanishfs starts a daemon whose status is to be want.
func (e *Env) mountVanishfs(s System, want string, flags []string) (*Instance, status, error) {
	program, err := e.vanishfs(s)
	if err != nil {
		return nil, status{}, err
	}
	dir, err := e.mountPoint(s.Name)
	if err != nil {
		return nil, status{}, err
	}
	args := append([]string{"mount", "--foreground", "--size", tmpfsSize, "--inodes", "4000000"}, flags...)
	if err := e.startDaemon(s.Name, dir, exec.Command(program, append(args, dir)...)); err != nil {
		return nil, status{}, err
	}
	st, err := readStatus(dir)
	if err != nil {
		return nil, st, err
	}
	if st.String() != want {
		return nil, st, fmt.Errorf("asked for %s, got %s: %s", want, st, e.logOf(s.Name))
	}
	agent, err := e.here()
	return &Instance{Dir: dir, Daemon: st.PID, Agent: agent, Note: st.String()}, st, err
}

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
	cmd, err := e.logged(exec.Command(program, "run", "--size", tmpfsSize, "--inodes", "4000000", "--at", dir, "--",
		filepath.Join(e.Bin, "bench"), AgentCommand), s.Name)
	if err != nil {
		return nil, err
	}
	cmd.Stdout = nil
	e.asOrdinary(cmd)
	agent, err := e.startAgent(cmd)
	if err != nil {
		return nil, err
	}
	st, err := statusInside(agent, dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, e.logOf(s.Name))
	}
	session, err := e.session(program, st, e.asOrdinary)
	return &Instance{Dir: dir, Daemon: st.PID, Agent: agent, Note: st.String(), Session: session}, err
}

// asOrdinary makes the command an ordinary user's, if this is not one already.
func (e *Env) asOrdinary(cmd *exec.Cmd) {
	if e.Root {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: Ordinary, Gid: Ordinary}}
	}
}

// A status is what a mount says of itself.
type status struct {
	Plane     string `json:"plane"`
	Transport string `json:"transport"`
	PID       int    `json:"pid"`
}

func (s status) String() string { return s.Plane + "+" + s.Transport }

func statusPath(dir string) string { return filepath.Join(dir, ".vanish", "status") }

func readStatus(dir string) (s status, err error) {
	data, err := os.ReadFile(statusPath(dir))
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(data, &s)
}

// statusInside has the agent look, since the mount is only there.
func statusInside(agent *load.Agent, dir string) (s status, err error) {
	r, err := agent.Do(load.Job{Read: statusPath(dir)})
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal([]byte(r.Text), &s)
}
