package lifecycle

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
)

// What a daemon needs of its own, bytes: Go reserves 2 GiB of addresses, most of which it never
// touches, and each thread has a stack of 8 MiB, of which it touches a page.
const (
	daemonAddresses = 2560 << 20
	daemonData      = 256 << 20
	// roomy is how many times that is enough for any load.
	roomy = 4
)

// A session has up to 40 processes and threads of ours; of few, a user needs the rest without trying to.
const (
	tooFewProcesses = 64
	fewProcesses    = 256
)

// A Limit is a limit of this process that could not be lifted, and what it does to a mount.
type Limit struct {
	Name   string // as ulimit has it
	Does   string
	Enable string // what to do about it
	Fatal  bool   // nothing works with it
}

func (l Limit) String() string { return fmt.Sprintf("%s: %s; %s", l.Name, l.Does, l.Enable) }

// Limits are those that a mount of c would be in danger of, after they were lifted as far as may be
// (process.LiftLimits). Who writes to the filesystem has his own limits, which the kernel holds him to
// before we hear of it; the daemon's are those of whoever started it, and would end everybody's files.
func (c *Config) Limits() (list []Limit) {
	for _, l := range []struct {
		resource int
		judge    func(c *Config, hard uint64) (Limit, bool)
	}{
		{unix.RLIMIT_CPU, cpuLimit}, {unix.RLIMIT_RTTIME, realTimeLimit},
		{unix.RLIMIT_AS, addressLimit}, {unix.RLIMIT_DATA, dataLimit},
		{unix.RLIMIT_NPROC, processLimit}, {unix.RLIMIT_FSIZE, fileLimit},
	} {
		hard, limited := process.HardLimit(l.resource)
		if !limited {
			continue
		}
		if found, harms := l.judge(c, hard); harms {
			list = append(list, found)
		}
	}
	return list
}

// inside is what helps where a limit is meant for the command only.
func inside(letter string) string {
	return "set it for the command alone: vanishfs run -- sh -c 'ulimit " + letter + " ...; exec COMMAND'"
}

func cpuLimit(_ *Config, hard uint64) (Limit, bool) {
	return Limit{Name: "ulimit -t", Enable: inside("-t"),
		Does: fmt.Sprintf("the daemon is killed, and every file with it, when it has used %v of CPU time", seconds(hard))}, true
}

func seconds(n uint64) time.Duration { return time.Duration(min(n, 1<<33)) * time.Second }

// realTimeLimit only counts with a real-time policy (kernel/time/posix-cpu-timers.c, check_thread_timers).
func realTimeLimit(_ *Config, hard uint64) (Limit, bool) {
	attr, err := unix.SchedGetAttr(0, 0)
	return Limit{Name: "ulimit -R", Enable: inside("-R") + " and start vanishfs without a real-time policy",
			Does: fmt.Sprintf("the daemon is killed, and every file with it, when it runs for %d us at a time", hard)},
		err == nil && (attr.Policy == unix.SCHED_FIFO || attr.Policy == unix.SCHED_RR)
}

func addressLimit(c *Config, hard uint64) (Limit, bool) {
	return c.memoryLimit("-v", hard, daemonAddresses)
}

func dataLimit(c *Config, hard uint64) (Limit, bool) { return c.memoryLimit("-d", hard, daemonData) }

// memoryLimit is for what the daemon itself has mapped: files of the memory store are not.
func (c *Config) memoryLimit(letter string, hard, needs uint64) (Limit, bool) {
	l := Limit{Name: "ulimit " + letter, Enable: inside(letter)}
	if c.Store == "tiered" {
		needs += uint64(c.Memory)
	}
	if l.Fatal = hard < needs; l.Fatal {
		l.Does = fmt.Sprintf("the daemon may have %s of memory and needs %s", humanize.IBytes(hard), humanize.IBytes(needs))
	} else {
		l.Does = fmt.Sprintf("the daemon ends, and every file with it, when it needs more than %s of memory", humanize.IBytes(hard))
	}
	return l, hard < roomy*needs
}

// processLimit counts all processes and threads of the user; root's are not (kernel/fork.c, copy_process).
func processLimit(_ *Config, hard uint64) (Limit, bool) {
	return Limit{Name: "ulimit -u", Enable: inside("-u"), Fatal: hard < tooFewProcesses,
			Does: fmt.Sprintf("the daemon ends, and every file with it, when it needs a thread and the user has %d", hard)},
		hard < fewProcesses && os.Geteuid() != 0
}

// fileLimit is that of the spill file, or of files that other users have on the mediated plane.
func fileLimit(c *Config, hard uint64) (Limit, bool) {
	l := Limit{Name: "ulimit -f", Enable: inside("-f")}
	switch {
	case c.Store == "tiered" && (c.Size == 0 || uint64(c.Size-c.Memory) > hard && c.Size > c.Memory):
		l.Fatal = true
		l.Does = fmt.Sprintf("the spill file may have %s, and the filesystem would be full before --size is reached", humanize.IBytes(hard))
	case c.Store == "tiered":
		l.Does = fmt.Sprintf("the spill file may have %s, and is larger than what is in it after many changes", humanize.IBytes(hard))
		return l, hard/roomy < uint64(c.Size)
	default:
		l.Does = fmt.Sprintf("no user's file may have more than %s", humanize.IBytes(hard))
		return l, c.AllowOther
	}
	return l, true
}

// CheckLimits says which of this process's limits nothing works with, if there are such. It is for
// who starts a daemon: under them, that may die before it can say so.
func (c *Config) CheckLimits() error {
	var fatal []string
	for _, l := range c.Limits() {
		if l.Fatal {
			fatal = append(fatal, l.String())
		}
	}
	if fatal == nil {
		return nil
	}
	return &Error{ErrPermission, errors.New(strings.Join(fatal, "; "))}
}

// complainOfLimits logs those that it may work with.
func (c *Config) complainOfLimits() {
	for _, l := range c.Limits() {
		c.Logger.Warn(l.Name+" of who started this holds for the daemon: "+l.Does, "hint", l.Enable)
	}
}
