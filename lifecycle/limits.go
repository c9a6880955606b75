package lifecycle

import "golang.org/x/sys/unix"

// liftFileLimit takes the limit of a file's size from this process, as far as it may.
// Who writes to the filesystem has his own, which the kernel holds him to before
// we hear of the write (mm/filemap.c, generic_write_checks). Here, that of whoever
// started the mount would end every other user's file, and the spill file of all of them.
func liftFileLimit() {
	if unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}) == nil {
		return
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &limit) == nil {
		unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit.Max, Max: limit.Max})
	}
}
