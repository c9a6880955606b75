package run

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A mark is how the daemon knows the processes of the session: their mount namespace
// has the mount.
type mark struct {
	// mount is held open: as long as it is, nothing else gets the device number.
	mount *os.File
	// device is the number of the filesystem, as mountinfo has it, between blanks.
	device []byte
}

// newMark makes one of the mount, which it takes over. Asking for nothing that could
// have changed sends no request to a filesystem that nobody serves yet (fs/fuse/dir.c,
// fuse_update_get_attr).
func newMark(mount *os.File) (*mark, error) {
	var st unix.Statx_t
	if err := unix.Statx(int(mount.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, 0, &st); err != nil {
		mount.Close()
		return nil, os.NewSyscallError("statx", err)
	}
	return &mark{mount, fmt.Appendf(nil, " %d:%d ", st.Dev_major, st.Dev_minor)}, nil
}

// marked lists the processes of the session, also those that have made a further mount
// namespace inside. Who is in the same namespace as the daemon never is one of them.
func (m *mark) marked() ([]int, error) {
	outside, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return nil, err
	}
	all, err := childrenOfAll()
	if err != nil {
		return nil, err
	}
	var list []int
	for _, children := range all {
		for _, pid := range children {
			proc := "/proc/" + strconv.Itoa(pid)
			if table, err := os.ReadFile(proc + "/mountinfo"); err != nil || !bytes.Contains(table, m.device) {
				continue
			}
			if ns, err := os.Readlink(proc + "/ns/mnt"); err == nil && ns == outside {
				continue
			}
			list = append(list, pid)
		}
	}
	return list, nil
}

// killMarked ends what init has left. Where the front lives, it does the same by other means.
func (d *daemon) killMarked() error {
	d.mount.Abort() // nobody who is to die shall wait for an answer
	again := time.NewTicker(killAgain)
	for giveUp := time.After(killTime); ; {
		list, err := d.mark.marked()
		if err != nil || len(list) == 0 {
			return err
		}
		for _, pid := range list {
			unix.Kill(pid, unix.SIGKILL)
		}
		select {
		case <-again.C:
		case <-giveUp:
			return errors.New("some processes of the session cannot be killed")
		}
	}
}
