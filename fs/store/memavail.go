package store

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// availableMemory is what could still be written without a limit, bytes: the memory
// that the kernel deems available and, if swap counts, the free swap. 0 if unknown.
func availableMemory(swap bool) int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	var kib int64
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if key == "MemAvailable" || swap && key == "SwapFree" {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			kib += n
		}
	}
	return kib << 10
}
