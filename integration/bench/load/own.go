package load

// Cases that systems do themselves, and their rows.
const (
	Session     = "session"
	SessionRoot = Session
	SessionUser = Session + "-user"

	Mounts       = "mounts"
	MountsReady  = Mounts + "-ready"
	MountsMemory = Mounts + "-memory"
)

var ownCases = []Case{
	{Name: Session, Kind: Ordinary, Own: true, Rows: []Row{
		{Name: SessionRoot, Title: "root: vanishfs run -- true; unshare -m true", Unit: Millis},
		{Name: SessionUser, Title: "ordinary user: vanishfs run -- true; unshare -mr true", Unit: Millis},
	}},
	{Name: Mounts, Kind: Heavy, Own: true, Once: true, Rows: []Row{
		{Name: MountsReady, Title: "many mounts at once: each, until it is there", Unit: Millis},
		{Name: MountsMemory, Title: "many mounts at once: memory of each one's daemon", Unit: Bytes},
	}},
}
