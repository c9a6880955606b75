package session

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// cgroups is the kind whose sessions are cgroups; the id is the cgroup's.
// A process can be moved between cgroups at any time, so nothing is remembered.
type cgroups struct {
	*hierarchy
	byPidfd bool // cgroupID works
}

func newCgroups() (*cgroups, error) {
	if err := checkProcesses(); err != nil {
		return nil, err
	}
	h, err := findHierarchy()
	if err != nil {
		return nil, err
	}
	c := &cgroups{hierarchy: h}
	if h.name == "" {
		c.byPidfd = c.pidfdsAgree()
	}
	return c, nil
}

// pidfdsAgree says that the kernel tells cgroups by pidfd, and by the same ids as its directories have.
func (c *cgroups) pidfdsAgree() bool {
	byPath, err1 := c.idByPath(os.Getpid())
	byPidfd, err2 := cgroupID(os.Getpid())
	return err1 == nil && err2 == nil && byPath == byPidfd
}

func (c *cgroups) identify(tid int) (id uint64, ok bool) {
	ask := c.idByPath
	if c.byPidfd {
		ask = cgroupID
	}
	id, err := ask(tid)
	return id, err == nil
}

func (c *cgroups) idByPath(tid int) (uint64, error) {
	path, err := c.path(tid)
	if err != nil {
		return 0, err
	}
	dir, err := c.place(path)
	if err != nil {
		return 0, err
	}
	return idOf(dir)
}

func (c *cgroups) begin(tid int) (*session, error) {
	const tries = 10
	for range tries {
		s, err := c.beginHere(tid)
		if err != nil {
			return nil, err
		}
		if id, ok := c.identify(tid); ok && id == s.id {
			return s, nil
		}
		s.life.close() // the thread was moved meanwhile
	}
	return nil, errors.New("the process does not stay in a cgroup")
}

func (c *cgroups) beginHere(tid int) (*session, error) {
	path, err := c.path(tid)
	if err != nil {
		return nil, err
	}
	dir, err := c.place(path)
	if err != nil {
		return nil, err
	}
	id, err := idOf(dir)
	if err != nil {
		return nil, err
	}
	l, err := c.lifeOf(dir)
	if err != nil {
		return nil, err
	}
	return &session{id: id, name: "cgroup:" + path, life: l}, nil
}

func (c *cgroups) lifeOf(dir string) (life, error) {
	if c.name != "" {
		return findInCgroup(dir)
	}
	l, err := openEvents(dir)
	if errors.Is(err, unix.ENOENT) && dir == c.dir {
		return endless{}, nil // the root has no cgroup.events
	}
	return l, err
}

// endless is the life of what ends with the mount.
type endless struct{}

func (endless) watched() (fd int, events uint32) { return -1, 0 }
func (endless) same() bool                       { return true }
func (l endless) next() life                     { return l }
func (endless) resumed() bool                    { return true }
func (endless) close()                           {}
