package fs

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mayResize says whether a thread whose user is root may change the limits of the mount:
// if it has CAP_SYS_ADMIN in the user namespace of this process, as remounting a tmpfs with
// another size takes (fs/super.c, reconfigure_super; fs/namespace.c, do_remount). Root in a
// container is root without it, or has it in a namespace of its own. So is who cannot be seen.
func mayResize(tid uint32) bool {
	proc := "/proc/" + strconv.FormatUint(uint64(tid), 10)
	ours, err := os.Readlink("/proc/self/ns/user")
	if err != nil {
		return false
	}
	theirs, err := os.Readlink(proc + "/ns/user")
	return err == nil && theirs == ours && effective(proc)&(1<<unix.CAP_SYS_ADMIN) != 0
}

// effective is the effective capabilities (proc(5), /proc/pid/status), none if they cannot be told.
func effective(proc string) uint64 {
	status, err := os.Open(proc + "/status")
	if err != nil {
		return 0
	}
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if set, ok := strings.CutPrefix(lines.Text(), "CapEff:"); ok {
			caps, _ := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			return caps
		}
	}
	return 0
}
