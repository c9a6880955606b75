package process

import (
	"golang.org/x/sys/unix"
)

// A Limit is one of a process's limits (setrlimit(2)).
type Limit struct {
	Resource   int
	Soft, Hard uint64
}

// unlimited is how the kernel says that there is no limit.
const unlimited = unix.RLIM_INFINITY

// harmful are the limits that end a daemon, or fail requests of others, when it reaches them. Left alone are
// those that only say what a process may ask for (core, nice, rtprio), the stack's, since it changes
// where exec puts things, and that of descriptors, which Go's runtime takes care of.
var harmful = []int{
	unix.RLIMIT_CPU, unix.RLIMIT_AS, unix.RLIMIT_DATA, unix.RLIMIT_FSIZE, unix.RLIMIT_MEMLOCK,
	unix.RLIMIT_NPROC, unix.RLIMIT_RTTIME, unix.RLIMIT_SIGPENDING,
}

// LiftLimits takes the harmful limits from this process, as far as it may: all of them with
// CAP_SYS_RESOURCE, else up to the hard limit (kernel/sys.c, do_prlimit). It returns what they were.
func LiftLimits() (before []Limit) {
	for _, resource := range harmful {
		var r unix.Rlimit
		if unix.Getrlimit(resource, &r) != nil {
			continue
		}
		before = append(before, Limit{resource, r.Cur, r.Max})
		if r.Cur == unlimited && r.Max == unlimited {
			continue
		}
		if unix.Setrlimit(resource, &unix.Rlimit{Cur: unlimited, Max: unlimited}) != nil {
			unix.Setrlimit(resource, &unix.Rlimit{Cur: r.Max, Max: r.Max})
		}
	}
	return before
}

// RestoreLimits gives this process back what LiftLimits took, for a program that it is going to start.
func RestoreLimits(before []Limit) error {
	for _, l := range before {
		if err := unix.Setrlimit(l.Resource, &unix.Rlimit{Cur: l.Soft, Max: l.Hard}); err != nil {
			return err
		}
	}
	return nil
}

// HardLimit is the hard limit of a resource; ok is false where there is none.
func HardLimit(resource int) (limit uint64, ok bool) {
	var r unix.Rlimit
	err := unix.Getrlimit(resource, &r)
	return r.Max, err == nil && r.Max != unlimited
}
