package run

import (
	"bytes"
	"os"
	"strconv"

	"vanishfs/fs/process"
)

// descendants lists the processes below this one, except for those in except and what
// is below them. A list is out of date when it is made; who wants them all gone asks
// again until there are none.
func descendants(except map[int]bool) ([]int, error) {
	children, err := childrenOfAll()
	if err != nil {
		return nil, err
	}
	var list []int
	for next := []int{os.Getpid()}; len(next) > 0; {
		parent := next[0]
		next = next[1:]
		for _, pid := range children[parent] {
			if !except[pid] {
				list = append(list, pid)
				next = append(next, pid)
			}
		}
	}
	return list, nil
}

// childrenOfAll maps every visible process to its children. Zombies are among them: a
// process whose first thread has ended shows as one while its other threads run.
func childrenOfAll() (map[int][]int, error) {
	pids, err := process.Numbers("/proc")
	if err != nil {
		return nil, err
	}
	children := make(map[int][]int)
	for _, pid := range pids {
		if _, parent, ok := statOf(pid); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	return children, nil
}

// statOf reads state and parent of a process from /proc/PID/stat (proc_pid_stat(5)):
// "PID (COMM) STATE PPID ...", where COMM can contain anything.
func statOf(pid int) (state byte, parent int, ok bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, false
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 2 || len(fields[0]) != 1 {
		return 0, 0, false
	}
	parent, err = strconv.Atoi(string(fields[1]))
	return fields[0][0], parent, err == nil
}
