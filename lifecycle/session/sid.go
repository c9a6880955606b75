package session

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// sids is the kind whose sessions are POSIX sessions; the id is the sid.
type sids struct{}

func newSIDs() (sids, error) { return sids{}, checkProcesses() }

// identify fails for a session whose number is not of this pid namespace, 0 here.
func (sids) identify(tid int) (id uint64, ok bool) {
	sid, err := unix.Getsid(tid)
	return uint64(sid), err == nil && sid > 0
}

func (k sids) begin(tid int) (*session, error) {
	sid, err := unix.Getsid(tid)
	if err != nil {
		return nil, os.NewSyscallError("getsid", err)
	}
	if sid == 0 {
		return nil, errOutside
	}
	pid, fd, err := findMember(sid)
	if err != nil {
		return nil, err
	}
	return &session{id: uint64(sid), name: fmt.Sprintf("sid:%d", sid), life: &sidLife{sid, pid, fd}}, nil
}

// A sidLife is that of one member of a POSIX session.
//
// INVARIANT: it is the leader, who cannot leave the session, or the leader has ended.
type sidLife struct {
	sid int
	pid int // the member
	fd  int // its pidfd
}

func (l *sidLife) watched() (fd int, events uint32) { return l.fd, unix.EPOLLIN }

// same asks in an order that matters: a member that has not ended after it was
// seen in the session is the one that was there from the beginning.
func (l *sidLife) same() bool {
	sid, err := unix.Getsid(l.pid)
	return err == nil && sid == l.sid && running(l.fd)
}

// next looks for another member. One who has the number of the leader, which has
// ended by now, shows that the session is over, as a session keeps its number
// (kernel/pid.c, __change_pid): members of that one are others.
func (l *sidLife) next() life {
	if running(l.fd) {
		return l
	}
	pid, fd, err := findMember(l.sid)
	if err != nil {
		return nil
	}
	next := &sidLife{l.sid, pid, fd}
	if leader, err := openProcess(l.sid); err == nil {
		unix.Close(leader)
		next.close()
		return nil
	}
	return next
}

func (l *sidLife) resumed() bool { return false }

func (l *sidLife) close() { unix.Close(l.fd) }
