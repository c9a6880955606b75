package lifecycle

import (
	"log/slog"
	"time"
)

// Config is everything a mount is made of. The zero value of a field is
// "unlimited", "off" or "default"; a word that is empty is the first that its
// comment lists.
//
// A Config travels to child processes as JSON, all but Logger.
type Config struct {
	// Size, FileSize, UserSize and SessionSize are bytes, Inodes is a count; 0 is unlimited.
	Size, FileSize, UserSize, SessionSize, Inodes int64

	Permissions string        // owner, posix
	Chmod       string        // keep, deny
	Remove      string        // session, close
	Linger      time.Duration // after the last close
	MaxIdle     time.Duration // 0 is never
	Session     string        // mount, process, sid, cgroup
	Store       string        // memory, tiered
	Memory      int64         // bytes; what the tiered store may have in memory, 0 is disk only
	SpillDir    string        // absolute; where the tiered store has the rest, empty is /var/tmp
	Huge        string        // auto, never, within_size, always
	NoSwap      bool
	Transport   string // auto, uring, dev
	Passthrough string // auto, on, off

	// AllowOther lets every user in, as in /tmp; else only the mounting user (and what he becomes root of).
	AllowOther bool
	NoExec     bool
	XAttr      bool

	// Mode, UID and GID are the root directory's; nil is 1777 where AllowOther is set, 0700 elsewhere, and the caller.
	Mode     *uint32
	UID, GID *uint32

	// Trees is the number of directories in the root that are mounted apart, if not the root is; see fs.Options.
	Trees int

	// MapsShared is fs.Options.MapsShared.
	MapsShared func(pid uint32, ino uint64) bool `json:"-"`

	// Source is the first field of /proc/mounts; empty is "vanishfs".
	Source string
	// Version is shown in status.
	Version string

	// Verbose and LogJSON make the logger where Logger is nil, as it is in the processes that
	// Daemonize and package run start: they log to standard error.
	Verbose, LogJSON bool
	Logger           *slog.Logger `json:"-"`
}
