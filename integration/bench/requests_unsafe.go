package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A requestCounter counts what the kernel sends to a FUSE daemon, by the tracepoint fuse:fuse_request_send
// (fs/fuse/fuse_trace.h, Linux 6.12; FORGET does not pass it). It counts only: nothing is recorded or copied.
type requestCounter []int // a descriptor for each CPU that the benchmark, with all it starts, may run on

// mountTracefs mounts where the tracepoint's number is found, in the namespace of the benchmark's own.
func mountTracefs(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return unix.Mount("tracefs", dir, "tracefs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
}

// countRequests counts those of a mount, which its device tells: minor numbers name connections.
func countRequests(tracefs string, device uint64) (c requestCounter, err error) {
	data, err := os.ReadFile(filepath.Join(tracefs, "events/fuse/fuse_request_send/id"))
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return nil, err
	}
	filter, err := unix.BytePtrFromString(fmt.Sprintf("connection == %d", unix.Minor(device)))
	if err != nil {
		return nil, err
	}
	attr := &unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})), Config: id}
	var cpus unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cpus); err != nil {
		return nil, err
	}
	for cpu := 0; len(c) < cpus.Count(); cpu++ {
		if !cpus.IsSet(cpu) {
			continue
		}
		fd, err := unix.PerfEventOpen(attr, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if err != nil {
			c.close()
			return nil, fmt.Errorf("count FUSE requests on CPU %d: %w", cpu, err)
		}
		c = append(c, fd)
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.PERF_EVENT_IOC_SET_FILTER, uintptr(unsafe.Pointer(filter))); e != 0 {
			c.close()
			return nil, fmt.Errorf("count one mount's FUSE requests: %w", e)
		}
	}
	return c, nil
}

// sent is how many requests there were until now.
func (c requestCounter) sent() (total uint64, err error) {
	var count [8]byte
	for _, fd := range c {
		if _, err := unix.Read(fd, count[:]); err != nil {
			return 0, fmt.Errorf("read the number of FUSE requests: %w", err)
		}
		total += binary.NativeEndian.Uint64(count[:])
	}
	return total, nil
}

func (c requestCounter) close() {
	for _, fd := range c {
		unix.Close(fd)
	}
}
