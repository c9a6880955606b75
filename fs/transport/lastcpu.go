package transport

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// lastCPU is the CPU a thread runs on or ran on last, or anywhere if that is
// not to be known: field 39 of its stat file (proc_pid_stat(5)).
func lastCPU(thread uint32) int32 {
	var name [32]byte
	path := append(strconv.AppendUint(append(name[:0], "/proc/"...), uint64(thread), 10), "/stat"...)
	fd, err := unix.Open(string(path), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return anywhere
	}
	defer unix.Close(fd)
	var buf [1024]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil {
		return anywhere
	}
	return cpuField(buf[:n])
}

// cpuField finds the CPU in the text of a stat file.
func cpuField(stat []byte) int32 {
	// The second field is a name that may hold anything, in parentheses.
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 {
		return anywhere
	}
	const wanted = 39 - 2 // of the fields behind the name
	for n := 1; ; n++ {
		stat = bytes.TrimLeft(stat[i+1:], " ")
		if i = bytes.IndexByte(stat, ' '); i < 0 {
			return anywhere
		}
		if n < wanted {
			continue
		}
		cpu, err := strconv.ParseUint(string(stat[:i]), 10, 16)
		if err != nil {
			return anywhere
		}
		return int32(cpu)
	}
}
