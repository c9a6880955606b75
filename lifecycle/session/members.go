package session

import (
	"bytes"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
)

var errNoMember = errors.New("no process is left in the session")

// findMember returns a process of a POSIX session and a pidfd of it, the leader
// if it lives. Its error is certain: there is none, or none that can be opened.
//
// A scan of all processes misses one that is forked behind it by one that ends
// ahead of it. So the numbers that were given during the scan are gone through
// too, in the order in which they were given, until no more are.
func findMember(sid int) (pid, fd int, err error) {
	if fd, err := openMember(sid, sid); err == nil {
		return sid, fd, nil
	}
	for {
		last, err := lastPID()
		if err != nil {
			return 0, -1, err
		}
		pids, err := process.Numbers("/proc")
		if err != nil {
			return 0, -1, err
		}
		for _, pid := range pids {
			if fd, err := openMember(pid, sid); err == nil {
				return pid, fd, nil
			}
		}
		pid, fd, wrapped, err := findNewMember(last, sid)
		if !wrapped {
			return pid, fd, err
		}
	}
}

// findNewMember looks among the processes after the one called last. It gives up
// when numbers have begun again from the bottom.
func findNewMember(last, sid int) (pid, fd int, wrapped bool, err error) {
	for {
		now, err := lastPID()
		switch {
		case err != nil:
			return 0, -1, false, err
		case now < last:
			return 0, -1, true, nil
		case now == last:
			return 0, -1, false, errNoMember
		}
		for last < now {
			last++
			if fd, err := openMember(last, sid); err == nil {
				return last, fd, false, nil
			}
		}
	}
}

// openMember returns a pidfd of a process that is in the session.
func openMember(pid, sid int) (fd int, err error) {
	if got, err := unix.Getsid(pid); err != nil || got != sid {
		return -1, errNoMember
	}
	return openProcess(pid)
}

// lastPID is the number that was given last in this pid namespace (fs/proc/loadavg.c).
func lastPID() (int, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	text = bytes.TrimSpace(text)
	return strconv.Atoi(string(text[bytes.LastIndexByte(text, ' ')+1:]))
}
