package lifecycle

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// manyDescriptors is enough for a session each of so many processes (kernel/sysctl.c, fs.nr_open, is as much).
const manyDescriptors = 1 << 20

// liftDescriptorLimit raises the limit of open files, as far as it may: each session inside the mount
// takes one (see session.Manager), and with the limit of whoever started the mount there would be few. The
// runtime has raised it to the hard limit.
func liftDescriptorLimit() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur < manyDescriptors {
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: manyDescriptors, Max: max(manyDescriptors, limit.Max)}) // only root may
	}
}

// spareDescriptors is what serving takes for a moment: to create a file, to look at a caller, to make another reader.
const spareDescriptors = 16

// checkDescriptors refuses to serve where fewer than need descriptors are left: every create would fail.
func checkDescriptors(need int) error {
	for n := range need {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			defer unix.Close(fd)
			continue
		}
		var limit unix.Rlimit
		if errors.Is(err, unix.EMFILE) && unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
			return fmt.Errorf("the limit of open files, %d, is too low: at least %d are needed; raise it with: ulimit -n", limit.Cur, int(limit.Cur)+need-n)
		}
		return &os.PathError{Op: "open", Path: os.DevNull, Err: err}
	}
	return nil
}
