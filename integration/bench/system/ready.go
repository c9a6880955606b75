package system

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// readyWithin is how long a daemon may take to mount.
const readyWithin = 10 * time.Second

// lookEvery is small beside what a mount takes.
const lookEvery = 200 * time.Microsecond

// A daemon is a process with a mount.
type daemon struct {
	cmd   *exec.Cmd
	dir   string
	ended chan struct{}
}

// startDaemon runs a FUSE daemon that stays in the foreground, until dir is its mount.
func (e *Env) startDaemon(name, dir string, cmd *exec.Cmd) (*daemon, error) {
	cmd, err := e.logged(cmd, name)
	if err != nil {
		return nil, err
	}
	before, err := device(dir)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &daemon{cmd: cmd, dir: dir, ended: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(d.ended)
	}()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for deadline := time.After(readyWithin); ; {
		select {
		case <-d.ended:
			return nil, fmt.Errorf("%s ended: %s", cmd.Args[0], e.logOf(name))
		case <-deadline:
			return nil, fmt.Errorf("%s does not mount: %s", cmd.Args[0], e.logOf(name))
		case <-look.C:
			if now, err := device(dir); err == nil && now != before {
				return d, nil
			}
		}
	}
}

// device asks for nothing but the device, which even those learn that a FUSE mount does not let in
// (fs/fuse/dir.c, fuse_getattr, Linux 6.12).
func device(dir string) (uint64, error) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, dir, 0, 0, &st)
	return unix.Mkdev(st.Dev_major, st.Dev_minor), err
}

// needs is a clear answer where a program is not installed.
func needs(program string) (string, error) {
	path, err := exec.LookPath(program)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s is not installed", program)
	}
	return path, err
}
