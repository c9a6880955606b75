package session

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
)

// mostThreads is how many threads of one process are remembered: of one that
// makes a thread for each file, most have ended.
const mostThreads = 256

// threads remembers which process a thread was in when somebody last looked.
type threads struct {
	mu        sync.RWMutex
	processes map[int]int   // by thread; guarded by mu
	of        map[int][]int // threads by process; guarded by mu
}

func newThreads() threads {
	return threads{processes: make(map[int]int), of: make(map[int][]int)}
}

func (t *threads) process(tid int) (pid int, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	pid, ok = t.processes[tid]
	return pid, ok
}

func (t *threads) learn(tid, pid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.processes[tid] == pid {
		return
	}
	if len(t.of[pid]) >= mostThreads {
		t.forgetLocked(pid)
	}
	t.processes[tid] = pid
	t.of[pid] = append(t.of[pid], tid)
}

// forget is for a process that has ended.
func (t *threads) forget(pid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forgetLocked(pid)
}

func (t *threads) forgetLocked(pid int) {
	for _, tid := range t.of[pid] {
		if t.processes[tid] == pid {
			delete(t.processes, tid)
		}
	}
	delete(t.of, pid)
}

// processOf asks /proc which process a thread is in.
func processOf(tid int) (pid int, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/status")
	if err != nil {
		return 0, err
	}
	_, after, ok := bytes.Cut(text, []byte("\nTgid:\t"))
	line, _, _ := bytes.Cut(after, []byte("\n"))
	if pid, err = strconv.Atoi(string(line)); !ok || err != nil {
		return 0, fmt.Errorf("/proc/%d/status has no Tgid", tid)
	}
	return pid, nil
}
