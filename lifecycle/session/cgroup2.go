package session

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"
)

// An eventsLife is that of a cgroup of v2: cgroup.events is ready for EPOLLPRI
// when it has changed since it was read (fs/kernfs/file.c, kernfs_generic_poll),
// and for good when the cgroup was removed. It counts those below it, too.
type eventsLife struct {
	fd int // cgroup.events
}

func openEvents(dir string) (*eventsLife, error) {
	name := dir + "/cgroup.events"
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return &eventsLife{fd}, nil
}

// populated reads, and by that waits for the next change.
func (l *eventsLife) populated() bool {
	var text [256]byte
	n, err := unix.Pread(l.fd, text[:], 0)
	return err == nil && bytes.Contains(text[:n], []byte("populated 1\n"))
}

func (l *eventsLife) watched() (fd int, events uint32) { return l.fd, unix.EPOLLPRI }

func (l *eventsLife) same() bool { return true }

func (l *eventsLife) next() life {
	if l.populated() {
		return l
	}
	return nil
}

func (l *eventsLife) resumed() bool { return l.populated() }

func (l *eventsLife) close() { unix.Close(l.fd) }
