// Package doctor finds out what this kernel and this user allow, by trying it. It
// does not go by version numbers: distributions backport, and containers forbid
// what the kernel could do. For what is missing it says what that costs, and the
// exact command that enables it. Only Fix changes anything.
package doctor

import (
	"golang.org/x/sys/unix"
)

// A State is the outcome of a check.
type State string

const (
	OK            State = "ok"
	Missing       State = "missing"
	NotApplicable State = "n.a." // it makes no difference here
)

// A Check is one thing that was tried.
type Check struct {
	Name   string `json:"name"`
	State  State  `json:"state"`
	Detail string `json:"detail"`           // what was found, one line
	Costs  string `json:"costs,omitempty"`  // what goes without it, where it is missing
	Enable string `json:"enable,omitempty"` // a command, or what else to do
	// Needed: without it "vanishfs run" does not work for this user.
	Needed bool `json:"needed,omitempty"`
}

// A Report is all checks, in the order in which they build on each other.
type Report struct {
	Run    bool    `json:"run"` // vanishfs run works for this user
	Checks []Check `json:"checks"`
}

// Examine tries everything. It needs process.Become in main.
func Examine() Report {
	here := probe()
	inside, namespaceErr := probeInNamespace()
	dev, best := device(), inside
	if here.Mount == "" || here.Tmpfs == "" {
		best = here // with privileges of its own, a process needs no namespace
	}
	r := Report{Run: true, Checks: []Check{
		kernel(), fuseModule(), dev, namespaces(namespaceErr, here.Mount != ""), namespaceIDs(here.Mount == ""),
		mounting(dev, here, inside, namespaceErr), tmpfs(best), tmpfile(best),
		passthrough(best), ioUring(), fuseOverUring(),
		hugePages(best), noSwap(best),
		fusermount(), allowOther(), openFiles(), resourceLimits(), memoryCgroup(),
	}}
	for _, c := range r.Checks {
		if c.Needed && c.State == Missing {
			r.Run = false
		}
	}
	return r
}

func kernel() Check {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Check{Name: "kernel", State: Missing, Detail: "uname: " + err.Error()}
	}
	return Check{Name: "kernel", State: OK, Detail: "Linux " + unix.ByteSliceToString(u.Release[:])}
}
