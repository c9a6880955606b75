package system

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"vanishfs/integration/bench/load"
)

// Names of the systems that bounds refer to.
const (
	DirectUring   = "direct+uring"
	DirectDev     = "direct+dev"
	MediatedUring = "mediated+uring"
	MediatedDev   = "mediated+dev"
	User          = "user"
	Tiered        = "tiered"
	TieredSpill   = "tiered-spill"
	Tmpfs         = "tmpfs"
	TmpfsHuge     = "tmpfs-huge"
	Disk          = "disk"
	Loopback      = "go-fuse"
	Libfuse       = "libfuse"
	Bindfs        = "bindfs"
	Overlayfs     = "fuse-overlayfs"
)

// A System is one thing to compare.
type System struct {
	Name  string // as --systems takes it
	Title string
	Kinds load.Kind // of the cases it takes part in
	// Ours is vanishfs, in whichever way.
	Ours  bool
	start func(e *Env, name string) (*Instance, error)
}

// light systems do a lot in little time.
const light = load.Ordinary | load.Heavy

// All are the systems in the order of the report.
var All = []System{
	{DirectUring, "vanishfs, direct, io_uring", light, true, vanishfs("--passthrough=on", "--transport=uring")},
	{DirectDev, "vanishfs, direct, /dev/fuse", light, true, vanishfs("--passthrough=on", "--transport=dev")},
	{MediatedUring, "vanishfs, mediated, io_uring", light | load.Latency, true, vanishfs("--passthrough=off", "--transport=uring")},
	{MediatedDev, "vanishfs, mediated, /dev/fuse", light, true, vanishfs("--passthrough=off", "--transport=dev")},
	{User, "vanishfs run, ordinary user", light, true, vanishfsRun},
	{Tiered, "vanishfs, tiered store, all in memory, io_uring", light | load.Latency, true, tiered("2GiB")},
	{TieredSpill, "the same with " + strconv.Itoa(load.SpillBudget>>20) + " MiB of memory, spilling", load.Beyond | load.Latency | load.LongTerm, true, tiered(strconv.Itoa(load.SpillBudget))},
	{Tmpfs, "tmpfs", light | load.Latency, false, tmpfs("")},
	{TmpfsHuge, "tmpfs, huge=within_size", light, false, tmpfs(",huge=within_size")},
	{Disk, "disk filesystem of /var/tmp", light | load.Beyond, false, disk},
	{Loopback, "go-fuse loopback on tmpfs", load.Ordinary, false, stacked(loopback)},
	{Libfuse, "libfuse's example on tmpfs", load.Ordinary, false, stacked(libfuse)},
	{Bindfs, "bindfs on tmpfs", load.Ordinary, false, stacked(bindfs)},
	{Overlayfs, "fuse-overlayfs on tmpfs", load.Ordinary, false, stacked(overlayfs)},
}

// Start brings the system up; an error says why it is left out.
func (s *System) Start(e *Env) (*Instance, error) { return s.start(e, s.Name) }

// Find is a system by name.
func Find(name string) (System, bool) {
	i := slices.IndexFunc(All, func(s System) bool { return s.Name == name })
	if i < 0 {
		return System{}, false
	}
	return All[i], true
}

// An Env is where systems are started.
type Env struct {
	Scratch string // directory on the disk that everybody can read
	Bin     string // programs, see package build
	Inputs  string
	Root    bool // root outside of every user namespace
}

// An Instance is a system that is up.
type Instance struct {
	Dir    string // where to work
	Daemon int    // process that serves it, 0 if there is none
	Agent  *load.Agent
	// Note says what the system itself says it is.
	Note string
	// Session is a command that starts and ends a session of the system's; nil without such a thing.
	Session func() *exec.Cmd
}

// Ordinary is the user that the ordinary user's rows run as: nobody.
const Ordinary = 65534

// mountPoint makes an empty directory to mount on.
func (e *Env) mountPoint(name string) (string, error) {
	dir := filepath.Join(e.Scratch, "mnt", name)
	return dir, os.MkdirAll(dir, 0o755)
}

// program finds one of the built programs.
func (e *Env) program(name string) (string, error) {
	path := filepath.Join(e.Bin, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s was not built", name)
	}
	return path, nil
}

// logged gives a daemon a file to write to, which logOf reads.
func (e *Env) logged(cmd *exec.Cmd, name string) (*exec.Cmd, error) {
	f, err := os.Create(e.logPath(name))
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = f, f
	return cmd, nil
}

func (e *Env) logPath(name string) string { return filepath.Join(e.Scratch, name+".log") }

// logOf is the last line of a daemon's log, for messages.
func (e *Env) logOf(name string) string {
	log, err := os.ReadFile(e.logPath(name))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return lines[len(lines)-1]
}
