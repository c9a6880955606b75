package session

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// processes is the kind whose sessions are processes; the id is the pid.
type processes struct {
	threads threads
}

func newProcesses() (*processes, error) {
	return &processes{threads: newThreads()}, checkProcesses()
}

func (p *processes) identify(tid int) (id uint64, ok bool) {
	pid, ok := p.threads.process(tid)
	if !ok || !inProcess(tid, pid) {
		return 0, false
	}
	return uint64(pid), true
}

// inProcess says whether the thread is one of the process that has the number
// now. EPERM says that it is, too: the thread is looked for before the permission
// to send (kernel/signal.c, do_send_specific).
func inProcess(tid, pid int) bool { return unix.Tgkill(pid, tid, 0) != unix.ESRCH }

func (p *processes) begin(tid int) (*session, error) {
	pid, err := processOf(tid)
	if err != nil {
		return nil, err
	}
	fd, err := openProcess(pid)
	if err != nil {
		return nil, err
	}
	if !inProcess(tid, pid) {
		unix.Close(fd)
		return nil, errEnded
	}
	p.threads.learn(tid, pid)
	return &session{id: uint64(pid), name: fmt.Sprintf("process:%d", pid), life: &processLife{p, pid, fd}}, nil
}

// A processLife is that of the process itself.
type processLife struct {
	processes *processes
	pid       int
	fd        int // pidfd
}

func (l *processLife) watched() (fd int, events uint32) { return l.fd, unix.EPOLLIN }

func (l *processLife) same() bool { return running(l.fd) }

func (l *processLife) next() life {
	if running(l.fd) {
		return l
	}
	l.processes.threads.forget(l.pid)
	return nil
}

func (l *processLife) resumed() bool { return false }

func (l *processLife) close() { unix.Close(l.fd) }
