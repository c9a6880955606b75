package session

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// errEnded is a process that ended, or is not what it was, while it was looked at.
var errEnded = errors.New("the process has ended")

// openProcess returns a pidfd of a process that has not ended.
func openProcess(pid int) (fd int, err error) {
	fd, err = unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, os.NewSyscallError("pidfd_open", err)
	}
	if !running(fd) { // a zombie
		unix.Close(fd)
		return -1, errEnded
	}
	return fd, nil
}

// running says whether the process of a pidfd, with all its threads, has not ended (kernel/exit.c, exit_notify).
func running(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if err != unix.EINTR {
			return n == 0 && err == nil
		}
	}
}

// checkProcesses says why processes cannot be told apart and watched here.
func checkProcesses() error {
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return errors.New("/proc is not that of this pid namespace; mount it")
	}
	fd, err := openProcess(os.Getpid())
	if err != nil {
		return fmt.Errorf("needs pidfds, Linux 5.3: %w", err)
	}
	return unix.Close(fd)
}

// cgroupID is the id of the cgroup of v2 that a thread is in. Linux 6.13
// (fs/pidfs.c, pidfd_info).
func cgroupID(tid int) (uint64, error) {
	fd, err := unix.PidfdOpen(tid, unix.PIDFD_THREAD)
	if err != nil {
		return 0, os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(fd)
	info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_CGROUPID}
	if err := unix.IoctlPidfdInfo(fd, &info); err != nil {
		return 0, os.NewSyscallError("PIDFD_GET_INFO", err)
	}
	if info.Mask&unix.PIDFD_INFO_CGROUPID == 0 {
		return 0, errEnded
	}
	return info.Cgroupid, nil
}
