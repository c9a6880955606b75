package option

// The sections, in the order of the table.
const (
	Limits  Section = "Limits (SIZE: 64MiB, 2g, 1.5GB, 50% of RAM or of the memory cgroup, 0 for none)"
	Files   Section = "What a file gets"
	Removal Section = "Removal (DURATION: 2s, 90m, 10d)"
	Places  Section = "Where it is"
	Users   Section = "Who may use it"
	Bytes   Section = "Where the bytes are and how they travel"
	Log     Section = "Log, on standard error"
)

var table = []*Option{
	{Name: "size", Section: Limits, Kind: Size, Change: Live, For: Everywhere, Default: "50%",
		Aliases:     []Alias{{Name: "nr_blocks", From: "tmpfs", Blocks: true}},
		Placeholder: "SIZE", Help: "at most SIZE in all"},
	{Name: "inodes", Section: Limits, Kind: Count, Change: Live, For: Everywhere, DefaultText: "half of RAM in pages",
		Aliases:     []Alias{{Name: "nr_inodes", From: "tmpfs"}},
		Placeholder: "N", Help: "at most N files, directories and links"},
	{Name: "file-size", Section: Limits, Kind: Size, Change: Live, For: Everywhere, Default: "0",
		Placeholder: "SIZE", Help: "at most SIZE in one file"},
	{Name: "user-size", Section: Limits, Kind: Size, Change: Live, For: Everywhere, Default: "0",
		Placeholder: "SIZE", Help: "at most SIZE for each user"},
	{Name: "session-size", Section: Limits, Kind: Size, Change: Live, For: Mount | MountOption, Default: "0",
		Placeholder: "SIZE", Help: "at most SIZE for each session, see --session"},

	{Name: "permissions", Section: Files, Kind: Word, Words: []string{"owner", "posix"}, For: Everywhere,
		Help: "keep only the owner's mode bits, or all of them"},
	{Name: "chmod", Section: Files, Kind: Word, Words: []string{"keep", "deny"}, For: Everywhere,
		Help: "drop bits that never exist from a chmod, or refuse it"},
	{Name: "xattr", Section: Files, Kind: Switch, For: Everywhere,
		Aliases: []Alias{{Name: "noxattr", From: "mount(8)", Value: "false"}},
		Help:    "store user extended attributes"},
	{Name: "noexec", Section: Files, Kind: Switch, For: Everywhere,
		Aliases: []Alias{{Name: "exec", From: "mount(8)", Value: "false"},
			// What an ordinary user may mount is noexec, unless exec follows (man 8 mount).
			{Name: "user", From: "mount(8)", Value: "true"}, {Name: "users", From: "mount(8)", Value: "true"}},
		Help: "refuse to execute files"},

	{Name: "remove", Section: Removal, Kind: Word, Words: []string{"session", "close"}, Change: Live, For: Everywhere,
		Help: "remove a file at the end of the session, or at its last close"},
	{Name: "session", Section: Removal, Kind: Word, Words: []string{"mount", "process", "sid", "cgroup"}, For: Mount | MountOption,
		Help: "what a session is: the whole mount, or each process, POSIX session or cgroup that creates files"},
	{Name: "linger", Section: Removal, Kind: Duration, Change: Live, For: Everywhere, Default: "0",
		Placeholder: "DURATION", Help: "wait DURATION after the last close; opening again cancels the removal"},
	{Name: "max-idle", Section: Removal, Kind: Duration, Change: Live, For: Everywhere, Default: "0", DefaultText: "0, never",
		Placeholder: "DURATION", Help: "remove what was neither in use nor changed for DURATION"},

	{Name: "at", Section: Places, Kind: Paths, For: Run, DefaultText: "/tmp",
		Placeholder: "DIR", Help: "put the filesystem at DIR; repeatable"},
	{Name: "expose", Section: Places, Kind: Paths, For: Run,
		Placeholder: "PATH", Help: "keep PATH of the directory outside visible inside; repeatable"},
	{Name: "wait", Section: Places, Kind: Switch, For: Run,
		Help: "wait for processes that outlive COMMAND instead of ending them"},
	{Name: "foreground", Section: Places, Kind: Switch, For: Mount, Short: "f",
		Help: "stay until unmounted instead of going to the background"},
	{Name: "fsname", Section: Places, Kind: Line, For: MountOption, Default: "vanishfs",
		Placeholder: "NAME", Help: "NAME in the first field of /proc/mounts"},

	{Name: "allow-other", Section: Users, Kind: Switch, For: Mount | MountOption,
		Help: "let other users in, as in /tmp"},
	{Name: "idmap", Section: Users, Kind: Switch, For: Mount | MountOption,
		Help: "let it be id-mapped, as for pods with hostUsers: false; df then tells of the whole mount"},
	{Name: "mode", Section: Users, Kind: Mode, For: Everywhere, DefaultText: "1777 where other users may enter, else 0700",
		Placeholder: "MODE", Help: "octal MODE of the top directory"},
	{Name: "uid", Section: Users, Kind: User, For: Everywhere, DefaultText: "the caller",
		Placeholder: "USER", Help: "owner of the top directory, USER or number"},
	{Name: "gid", Section: Users, Kind: Group, For: Everywhere, DefaultText: "the caller's",
		Placeholder: "GROUP", Help: "group of the top directory, GROUP or number"},

	{Name: "store", Section: Bytes, Kind: Word, Words: []string{"memory", "tiered"}, For: Everywhere,
		Help: "a tmpfs that no path leads to, or memory and, when that is full, encrypted disk"},
	{Name: "memory", Section: Bytes, Kind: Size, For: Everywhere, Default: "25%", Needs: "store=tiered",
		Placeholder: "SIZE", Help: "with --store=tiered: at most SIZE of RAM, 0 for disk only"},
	// A disk, where /tmp often is none (file-hierarchy(7)).
	{Name: "spill-dir", Section: Bytes, Kind: Path, For: Everywhere, Default: "/var/tmp", Needs: "store=tiered",
		Placeholder: "DIR", Help: "with --store=tiered: DIR on a disk, where nothing is ever readable or left"},
	{Name: "huge", Section: Bytes, Kind: Word, Words: []string{"auto", "never", "advise", "within_size", "always"}, For: Everywhere,
		DefaultText: "auto: advise, for mappings that ask for them (MADV_HUGEPAGE)",
		Help:        "huge pages; the last two are faster, and charge up to 2 MiB for a page written into a hole"},
	{Name: "noswap", Section: Bytes, Kind: Switch, For: Everywhere,
		Aliases: []Alias{{Name: "swap", From: "mount(8)", Value: "false"}},
		Help:    "never write the bytes to swap; needs root"},
	{Name: "transport", Section: Bytes, Kind: Word, Words: []string{"auto", "uring", "dev"}, For: Everywhere,
		Help: "how the kernel's requests come"},
	{Name: "passthrough", Section: Bytes, Kind: Word, Words: []string{"auto", "on", "off"}, For: Everywhere,
		Help: "let the kernel go straight to the bytes"},

	{Name: "verbose", Section: Log, Kind: Switch, For: Everywhere, Short: "v",
		Help: "say what is done and what is not available, and why"},
	{Name: "log-json", Section: Log, Kind: Switch, For: Everywhere,
		Help: "log lines are JSON objects"},
}

func init() {
	for _, o := range table {
		o.complete()
	}
}

// complete says of a choice what its words say.
func (o *Option) complete() {
	if o.Kind != Word {
		return
	}
	o.Default = o.Words[0]
	for i, w := range o.Words {
		if i > 0 {
			o.Placeholder += "|"
		}
		o.Placeholder += w
	}
}
