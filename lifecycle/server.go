package lifecycle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
)

// A server is the process that serves a mount. It is found without asking the mount, which may not answer.
type server struct {
	proc  string // its directory in /proc
	pid   int
	pidfd int
}

const (
	// longWait is after how long who waits for a server is told so.
	longWait = time.Second
	// patience is how many times as long a server is waited for that is another user's, and may be any program.
	patience = 10
)

// findServer is the server of a mount, nil where none is seen: it has died, is hidden from this user or is in another pid
// namespace, or /proc is of another one.
func findServer(proc string, mount *mountinfo.Info) *server {
	if self, err := os.Readlink(filepath.Join(proc, "self")); err != nil || self != strconv.Itoa(os.Getpid()) {
		return nil
	}
	pids, err := process.Numbers(proc)
	if err != nil {
		return nil
	}
	for _, pid := range pids {
		s := &server{proc: filepath.Join(proc, strconv.Itoa(pid)), pid: pid, pidfd: -1}
		if !s.isOurs() {
			continue
		}
		// First the descriptor: what is found out afterwards holds for the process that it is of, unless that has ended.
		if s.pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
			continue
		}
		if s.serves(mount) {
			return s
		}
		s.close()
	}
	return nil
}

// isOurs says whether it has the name of this program or its background process: others too may hold a /dev/fuse, such as
// who has passed it on.
func (s *server) isOurs() bool {
	name, err := os.ReadFile(filepath.Join(s.proc, "comm"))
	return err == nil && strings.HasPrefix(string(name), process.Name)
}

// serves says whether one of its descriptors is the connection of the mount. Before Linux 6.16 the kernel does not say of
// which connection a /dev/fuse is (fs/fuse/dev.c, fuse_dev_show_fdinfo); there the command line is looked at.
func (s *server) serves(mount *mountinfo.Info) bool {
	fds, err := process.Numbers(filepath.Join(s.proc, "fd"))
	if err != nil {
		return false
	}
	connections, untold := 0, 0
	for _, fd := range fds {
		if target, err := os.Readlink(filepath.Join(s.proc, "fd", strconv.Itoa(fd))); err != nil || filepath.Base(target) != "fuse" {
			continue
		}
		text, _ := os.ReadFile(filepath.Join(s.proc, "fdinfo", strconv.Itoa(fd)))
		_, connection, told := strings.Cut(string(text), "fuse_connection:")
		if !told {
			untold++
			continue
		}
		connections++
		connection, _, _ = strings.Cut(connection, "\n")
		if strings.TrimSpace(connection) == strconv.FormatUint(unix.Mkdev(uint32(mount.Major), uint32(mount.Minor)), 10) {
			return true
		}
	}
	return connections == 0 && untold > 0 && s.isNamedFor(mount.Mountpoint)
}

// isNamedFor says whether it is a background process (see startDaemon) for that place.
func (s *server) isNamedFor(dir string) bool {
	text, err := os.ReadFile(filepath.Join(s.proc, "cmdline"))
	argv := strings.Split(string(text), "\x00")
	if err != nil || len(argv) < 3 || argv[0] != daemonName {
		return false
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(argv[2]))
	return err == nil && filepath.Join(parent, filepath.Base(argv[2])) == dir
}

// wait returns when the process has ended. It waits for long, but not for ever where that is for another to decide: who has
// stopped it, or whose it is. tell is Unmount's.
func (s *server) wait(long time.Duration, tell func(text string, last bool)) {
	for n := 1; !s.ended(long); n++ {
		switch {
		case s.isStopped():
			tell(fmt.Sprintf("its daemon, process %d, is stopped and gives nothing back until it is continued or killed", s.pid), true)
			return
		case n == patience && s.isAnothers():
			tell(fmt.Sprintf("its daemon, process %d of another user, has not ended yet", s.pid), true)
			return
		case n == 1:
			tell(fmt.Sprintf("waiting for its daemon, process %d, to give everything back", s.pid), false)
		}
	}
}

// ended waits for the process to end, at most so long. One that nobody has waited for has ended too (kernel/fork.c, pidfd_poll).
func (s *server) ended(timeout time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(s.pidfd), Events: unix.POLLIN}}
	for end := time.Now().Add(timeout); ; {
		n, err := unix.Poll(fds, int(max(0, time.Until(end).Milliseconds())))
		if !errors.Is(err, unix.EINTR) {
			return err != nil || n > 0
		}
	}
}

// isStopped says whether it was stopped by a signal or a debugger.
func (s *server) isStopped() bool {
	text, err := os.ReadFile(filepath.Join(s.proc, "status"))
	_, state, _ := strings.Cut(string(text), "\nState:\t")
	return err == nil && state != "" && strings.ContainsRune("Tt", rune(state[0]))
}

func (s *server) isAnothers() bool {
	var st unix.Stat_t
	return unix.Stat(s.proc, &st) == nil && int(st.Uid) != os.Geteuid()
}

func (s *server) close() {
	if s != nil && s.pidfd >= 0 {
		unix.Close(s.pidfd)
	}
}
