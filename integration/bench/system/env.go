package system

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// vanishfs is the path of the system's binary.
func (e *Env) vanishfs(s System) (string, error) {
	if s.older {
		return e.program(OlderProgram)
	}
	return e.program(Program)
}

// An Env is where systems are started.
type Env struct {
	Scratch string // directory on the disk that everybody can read
	Bin     string // programs, see package build
	Inputs  string
	Root    bool // root outside of every user namespace
}

// mountPoint makes an empty directory to mount on.
func (e *Env) mountPoint(name string) (string, error) {
	dir := filepath.Join(e.Scratch, "mnt", name)
	return dir, os.MkdirAll(dir, 0o755)
}

// program finds one of the built programs.
func (e *Env) program(name string) (string, error) {
	path := filepath.Join(e.Bin, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s was not built", name)
	}
	return path, nil
}

// logged gives a daemon a file to write to, which logOf reads.
func (e *Env) logged(cmd *exec.Cmd, name string) (*exec.Cmd, error) {
	f, err := os.Create(e.logPath(name))
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = f, f
	return cmd, nil
}

func (e *Env) logPath(name string) string { return filepath.Join(e.Scratch, name+".log") }

// logOf is the last line of a daemon's log, for messages.
func (e *Env) logOf(name string) string {
	log, err := os.ReadFile(e.logPath(name))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return lines[len(lines)-1]
}
