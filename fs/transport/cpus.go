package transport

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

const possibleCPUs = "/sys/devices/system/cpu/possible"

// cpuCount is how many CPUs the kernel could ever have, which is how many
// queues it makes (fs/fuse/dev_uring.c, fuse_uring_create).
func cpuCount() (int, error) {
	text, err := os.ReadFile(possibleCPUs)
	if err != nil {
		return 0, err
	}
	n, err := countCPUs(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", possibleCPUs, err)
	}
	return n, nil
}

// countCPUs counts the members of a kernel CPU list such as "0-3,8".
func countCPUs(list string) (int, error) {
	total := 0
	for _, part := range strings.Split(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		a, err := strconv.ParseUint(first, 10, 16)
		if err != nil {
			return 0, err
		}
		b, err := strconv.ParseUint(last, 10, 16)
		if err != nil {
			return 0, err
		}
		if b < a {
			return 0, fmt.Errorf("bad CPU list %q", list)
		}
		total += int(b-a) + 1
	}
	return total, nil
}
