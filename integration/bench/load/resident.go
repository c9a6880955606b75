package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// residentBytes is the memory of a process's own (RssAnon of
// /proc/PID/status): without the tmpfs pages it may have mapped. 0 if there is no such process.
func residentBytes(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(status, []byte("RssAnon:"))
	fields := bytes.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
