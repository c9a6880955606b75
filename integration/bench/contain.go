package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// errReported is a failure that has been shown already.
var errReported = errors.New("reported")

// contain runs the measurement in namespaces of its own and cleans up behind it.
func contain(p *plan, args []string) (err error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer func() { err = errors.Join(err, os.RemoveAll(p.scratch)) }()
	if err := os.Chmod(p.scratch, 0o755); err != nil {
		return err
	}
	restore, err := enableUring()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, restore()) }()

	// The death signal comes when the thread that started the child ends.
	runtime.LockOSThread()
	cmd := exec.Command("/proc/self/exe", append([]string{insideCommand}, args...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = namespaces()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start in namespaces of its own: %w", err)
	}
	mounts, err := holdMounts(cmd.Process.Pid)
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return err
	}
	defer mounts.Close()
	return waitFor(p, cmd, signals)
}

// holdMounts keeps the child's mount namespace until all its processes are dead, so that it is taken
// apart here. If a daemon is the last one in it, a thread of it that serves an io_uring queue can be the one to
// unmount as it exits; with a request under way it was seen to wait there forever for its own queue
// (Linux 6.18, fs/fuse: fuse_conn_destroy, fuse_wait_aborted, fuse_uring_wait_stopped_queues).
func holdMounts(pid int) (*os.File, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		return nil, fmt.Errorf("hold the mount namespace: %w", err)
	}
	return f, nil
}

func namespaces() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true, // what the terminal sends comes to us alone
	}
	if os.Getuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

func waitFor(p *plan, cmd *exec.Cmd, signals <-chan os.Signal) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			return errReported
		}
		return nil
	case s := <-signals:
		// With its init the kernel ends the whole PID namespace.
		cmd.Process.Kill()
		<-ended
		return fmt.Errorf("ended by %s; %s has what was measured before, if anything", s, p.resultsFile())
	}
}

// settle makes the namespaces usable, from inside.
func settle(p *plan) error {
	// Nothing that is mounted here is to be seen outside, and what is unmounted there is not to be kept mounted here.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount proc: %w", err)
	}
	return openFuse(p)
}

// openFuse gives the ordinary user /dev/fuse as distributions do, where this
// machine does not: by a device of the mount namespace's own.
func openFuse(p *plan) error {
	const fuse = "/dev/fuse"
	var st unix.Stat_t
	if err := unix.Stat(fuse, &st); err != nil || st.Mode&0o666 == 0o666 || !initialRoot() {
		return nil
	}
	dir := p.below("dev")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID, "mode=755"); err != nil {
		return fmt.Errorf("mount tmpfs for /dev/fuse: %w", err)
	}
	node := filepath.Join(dir, "fuse")
	if err := unix.Mknod(node, unix.S_IFCHR, int(st.Rdev)); err != nil {
		return fmt.Errorf("make a fuse device: %w", err)
	}
	if err := os.Chmod(node, 0o666); err != nil {
		return err
	}
	return unix.Mount(node, fuse, "", unix.MS_BIND, "")
}

// initialRoot is root that is not root of a user namespace only: its map is the whole range.
func initialRoot() bool {
	data, err := os.ReadFile("/proc/self/uid_map")
	if err != nil || os.Getuid() != 0 {
		return false
	}
	var inside, outside, count uint64
	_, err = fmt.Sscan(string(data), &inside, &outside, &count)
	return err == nil && inside == 0 && outside == 0 && count == 1<<32-1
}
