package system

import (
	"os"
	"os/exec"
	"path/filepath"
)

// stacked is a FUSE filesystem that shows a tmpfs; command mounts below on dir
// and stays in the foreground.
func stacked(command func(e *Env, below, dir string) (*exec.Cmd, error)) func(*Env, System) (*Instance, error) {
	return func(e *Env, s System) (*Instance, error) {
		dir, err := e.mountPoint(s.Name)
		if err != nil {
			return nil, err
		}
		below, err := e.mountTmpfs(filepath.Join("below", s.Name), "")
		if err != nil {
			return nil, err
		}
		cmd, err := command(e, below, dir)
		if err != nil {
			return nil, err
		}
		if _, err := e.startDaemon(s.Name, dir, cmd); err != nil {
			return nil, err
		}
		agent, err := e.here()
		return &Instance{Dir: dir, Daemon: cmd.Process.Pid, Agent: agent, Note: filepath.Base(cmd.Args[0])}, err
	}
}

func loopback(e *Env, below, dir string) (*exec.Cmd, error) {
	program, err := e.program("loopback")
	return exec.Command(program, "-q", "-directmount", dir, below), err
}

// LibfuseExamples are the examples of libfuse's to compare with, the best first.
var LibfuseExamples = []string{"passthrough_hp", "passthrough_ll"}

func libfuse(e *Env, below, dir string) (*exec.Cmd, error) {
	if program, err := e.program(LibfuseExamples[0]); err == nil {
		return exec.Command(program, "--foreground", below, dir), nil
	}
	program, err := e.program(LibfuseExamples[1])
	return exec.Command(program, "-f", "-o", "source="+below, dir), err
}

func bindfs(_ *Env, below, dir string) (*exec.Cmd, error) {
	program, err := needs("bindfs")
	return exec.Command(program, "-f", "--multithreaded", below, dir), err
}

func overlayfs(_ *Env, below, dir string) (*exec.Cmd, error) {
	program, err := needs("fuse-overlayfs")
	if err != nil {
		return nil, err
	}
	lower, upper, work := filepath.Join(below, "lower"), filepath.Join(below, "upper"), filepath.Join(below, "work")
	for _, dir := range []string{lower, upper, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
	}
	return exec.Command(program, "-f", "-o", "lowerdir="+lower+",upperdir="+upper+",workdir="+work, dir), nil
}
