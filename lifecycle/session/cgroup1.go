package session

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// A memberLife is that of one process of a cgroup of v1, which has no
// cgroup.events: when the process has ended, another is looked for.
type memberLife struct {
	dir string
	fd  int // pidfd
}

// findInCgroup finds a process in a cgroup or one below it. A process that is
// forked meanwhile comes after its parent in cgroup.procs (kernel/cgroup/cgroup.c,
// css_set_move_task), so it is not missed.
func findInCgroup(dir string) (*memberLife, error) {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return nil, err
	}
	for word := range bytes.FieldsSeq(text) {
		pid, err := strconv.Atoi(string(word))
		if err != nil || pid == 0 { // 0 is of another pid namespace
			continue
		}
		if fd, err := openProcess(pid); err == nil {
			return &memberLife{dir, fd}, nil
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if l, err := findInCgroup(filepath.Join(dir, e.Name())); err == nil {
			return l, nil
		}
	}
	return nil, errNoMember
}

func (l *memberLife) watched() (fd int, events uint32) { return l.fd, unix.EPOLLIN }

func (l *memberLife) same() bool { return true }

func (l *memberLife) next() life {
	if running(l.fd) {
		return l
	}
	if next, err := findInCgroup(l.dir); err == nil {
		return next
	}
	return nil
}

func (l *memberLife) resumed() bool {
	next, err := findInCgroup(l.dir)
	if err != nil {
		return false
	}
	next.close()
	return true
}

func (l *memberLife) close() { unix.Close(l.fd) }
