package system

import (
	"slices"
	"strconv"

	"vanishfs/integration/bench/load"
)

// Names of the systems that bounds refer to.
const (
	DirectUring   = "direct+uring"
	DirectDev     = "direct+dev"
	DirectHuge    = "direct-huge"
	MediatedUring = "mediated+uring"
	MediatedDev   = "mediated+dev"
	User          = "user"
	AllowOther    = "allow-other"
	RemoveClose   = "remove-close"
	UserSize      = "user-size"
	UserSize10    = "user-size-10"
	UserSize100   = "user-size-100"
	SessionSize   = "session-size"
	FileSize      = "file-size"
	UserMount     = "user-mount"
	UserMountDev  = "user-mount+dev"
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
	start func(e *Env, s System) (*Instance, error)
	// Thorough systems are left out of a quick run that does not ask for them.
	Thorough bool
	// older says that it is of the binary to compare with: see Older.
	older bool
}

// light systems do a lot in little time.
const light = load.Ordinary | load.Basic | load.Heavy

// All are the systems in the order of the report.
var All = []System{
	{Name: DirectUring, Title: "vanishfs, direct, io_uring", Kinds: light, Ours: true, start: plain("direct", "uring").start},
	{Name: DirectDev, Title: "vanishfs, direct, /dev/fuse", Kinds: light, Ours: true, start: plain("direct", "dev").start},
	{Name: DirectHuge, Title: "vanishfs, direct, io_uring, --huge=within_size", Kinds: light, Ours: true, start: mount{flags: []string{"--huge=within_size"}, want: DirectUring}.start},
	{Name: MediatedUring, Title: "vanishfs, mediated, io_uring", Kinds: light | load.Latency, Ours: true, start: plain("mediated", "uring").start},
	{Name: MediatedDev, Title: "vanishfs, mediated, /dev/fuse", Kinds: light, Ours: true, start: plain("mediated", "dev").start},
	{Name: User, Title: "vanishfs run, ordinary user", Kinds: light, Ours: true, start: vanishfsRun},
	{Name: AllowOther, Title: "vanishfs --allow-other, one user at work", Kinds: load.Basic, Ours: true, start: with().byUsers(1).start},
	{Name: RemoveClose, Title: "vanishfs --remove=close", Kinds: load.Basic, Ours: true, start: with(removeClose).start},
	{Name: UserSize, Title: "vanishfs --user-size, one user at work", Kinds: load.Basic, Ours: true, start: with("--user-size=6g").byUsers(1).start},
	{Name: UserSize10, Title: "the same, 10 users at work", Kinds: load.Basic, Ours: true, Thorough: true, start: with("--user-size=6g").byUsers(10).start},
	{Name: UserSize100, Title: "the same, 100 users at work", Kinds: load.Basic, Ours: true, Thorough: true, start: with("--user-size=6g").byUsers(100).start},
	{Name: SessionSize, Title: "vanishfs --session=process --session-size", Kinds: load.Basic, Ours: true, start: with("--session=process", "--session-size=6g").start},
	{Name: FileSize, Title: "vanishfs --file-size", Kinds: load.Basic, Ours: true, start: with("--file-size=2g").start},
	{Name: UserMount, Title: "vanishfs mount, ordinary user", Kinds: load.Basic, Ours: true, Thorough: true, start: with().byOrdinary().start},
	{Name: UserMountDev, Title: "the same over /dev/fuse", Kinds: load.Basic, Ours: true, Thorough: true, start: mount{flags: []string{"--transport=dev"}, ordinary: true}.start},
	{Name: UserMount + "-" + RemoveClose, Title: "vanishfs mount --remove=close, ordinary user", Kinds: load.Basic, Ours: true, Thorough: true, start: with(removeClose).byOrdinary().start},
	{Name: UserMount + "-" + UserSize, Title: "vanishfs mount --user-size, ordinary user", Kinds: load.Basic, Ours: true, Thorough: true, start: with("--user-size=6g").byOrdinary().start},
	{Name: UserMount + "-" + SessionSize, Title: "vanishfs mount --session-size, ordinary user", Kinds: load.Basic, Ours: true, Thorough: true, start: with("--session=process", "--session-size=6g").byOrdinary().start},
	{Name: UserMount + "-" + FileSize, Title: "vanishfs mount --file-size, ordinary user", Kinds: load.Basic, Ours: true, Thorough: true, start: with("--file-size=2g").byOrdinary().start},
	{Name: Tiered, Title: "vanishfs, tiered store, all in memory, io_uring", Kinds: light | load.Latency, Ours: true, start: tiered("2GiB")},
	{Name: TieredSpill, Title: "the same with " + strconv.Itoa(load.SpillBudget>>20) + " MiB of memory, spilling", Kinds: load.Beyond | load.Latency | load.LongTerm, Ours: true, start: tiered(strconv.Itoa(load.SpillBudget))},
	{Name: Tmpfs, Title: "tmpfs", Kinds: light | load.Latency, start: tmpfs("")},
	{Name: TmpfsHuge, Title: "tmpfs, huge=within_size", Kinds: light, start: tmpfs(",huge=within_size")},
	{Name: Disk, Title: "disk filesystem of /var/tmp", Kinds: light | load.Beyond, start: disk},
	{Name: Loopback, Title: "go-fuse loopback on tmpfs", Kinds: load.Ordinary | load.Basic, start: stacked(loopback)},
	{Name: Libfuse, Title: "libfuse's example on tmpfs", Kinds: load.Ordinary | load.Basic, start: stacked(libfuse)},
	{Name: Bindfs, Title: "bindfs on tmpfs", Kinds: load.Ordinary | load.Basic, start: stacked(bindfs)},
	{Name: Overlayfs, Title: "fuse-overlayfs on tmpfs", Kinds: load.Ordinary | load.Basic, start: stacked(overlayfs)},
}

// Start brings the system up; an error says why it is left out.
func (s System) Start(e *Env) (*Instance, error) { return s.start(e, s) }

// Find is a system by name.
func Find(name string) (System, bool) {
	i := slices.IndexFunc(All, func(s System) bool { return s.Name == name })
	if i < 0 {
		return System{}, false
	}
	return All[i], true
}

// An Instance is a system that is up.
type Instance struct {
	Dir    string // where to work
	Daemon int    // process that serves it, 0 if there is none
	Agent  *load.Agent
	// Note says what the system itself says it is.
	Note string
	// Own are the measurements of cases that the system does itself, by the name of the case.
	Own map[string]Measurement
	// Vanish says that files vanish at their last close.
	Vanish bool
	// Users is how many users work in Dir; 0 is the agent's own.
	Users int
}

// Ordinary is the user that the ordinary user's rows run as: nobody.
const Ordinary = 65534

// A Measurement is of what the system does as a whole, rather than of work in its directory: values by row.
type Measurement func(s load.Sizes) (map[string]float64, error)
