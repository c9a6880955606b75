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

// startDaemon runs a FUSE daemon that stays in the foreground, until dir is its mount.
func (e *Env) startDaemon(name, dir string, cmd *exec.Cmd) error {
	cmd, err := e.logged(cmd, name)
	if err != nil {
		return err
	}
	before, err := device(dir)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for deadline := time.After(readyWithin); ; {
		select {
		case <-ended:
			return fmt.Errorf("%s ended: %s", cmd.Args[0], e.logOf(name))
		case <-deadline:
			return fmt.Errorf("%s does not mount: %s", cmd.Args[0], e.logOf(name))
		case <-look.C:
			if now, err := device(dir); err == nil && now != before {
				return nil
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
