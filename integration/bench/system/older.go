package system

// olderSuffix ends the names of systems of the older binary.
const olderSuffix = "@old"

// Older is the same system of ours with the binary that is compared with: OlderProgram.
func (s System) Older() System {
	s.Name, s.Title, s.older = OlderName(s.Name), s.Title+", the older binary", true
	return s
}

// OlderName is the name of a system's Older.
func OlderName(name string) string { return name + olderSuffix }

// IsOlder reports whether the system is of the older binary.
func (s System) IsOlder() bool { return s.older }

// Names of the binaries in Env.Bin.
const (
	Program      = "vanishfs"
	OlderProgram = "vanishfs" + olderSuffix
)
