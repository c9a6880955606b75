package lifecycle

import (
	"log/slog"
	"time"

	"vanishfs/lifecycle/option"
)

// Config is everything a mount is made of. The zero value of a field is
// "unlimited", "off" or "default"; a word that is empty is the first that its
// comment lists. What the fields mean to people is in the table of package option.
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
	Huge        string        // auto, never, advise, within_size, always
	NoSwap      bool
	Transport   string // auto, uring, dev
	Passthrough string // auto, on, off

	// AllowOther lets every user in, as in /tmp; else only the mounting user (and what he becomes root of).
	AllowOther bool
	IDMap      bool // mounts of it may be id-mapped; for AllowOther only
	NoExec     bool
	XAttr      bool

	// Mode, UID and GID are the root directory's; nil is 1777 where AllowOther is set, 0700 elsewhere, and the caller.
	Mode     *uint32
	UID, GID *uint32

	// Trees is the number of directories in the root that are mounted apart, if not the root is; see fs.Options.
	Trees int

	// MayMap is fs.Options.MayMap.
	MayMap func(pid uint32, ino uint64) bool `json:"-"`

	// Source is the first field of /proc/mounts; empty is "vanishfs".
	Source string
	// Version is shown in status.
	Version string

	// Verbose and LogJSON make the logger where Logger is nil, as it is in the processes that
	// Daemonize and package run start: they log to standard error.
	Verbose, LogJSON bool
	Logger           *slog.Logger `json:"-"`
}

// NewConfig has the defaults of the table of options: unlike in the zero Config, sizes have limits.
func NewConfig() Config {
	var c Config
	if err := c.Apply(option.Defaults()); err != nil {
		panic(err) // a line of the table is wrong
	}
	return c
}

// fields are where the options of a mount are kept, by name.
func (c *Config) fields() map[string]any {
	return map[string]any{
		"size": &c.Size, "inodes": &c.Inodes, "file-size": &c.FileSize, "user-size": &c.UserSize, "session-size": &c.SessionSize,
		"permissions": &c.Permissions, "chmod": &c.Chmod, "xattr": &c.XAttr, "noexec": &c.NoExec,
		"remove": &c.Remove, "session": &c.Session, "linger": &c.Linger, "max-idle": &c.MaxIdle,
		"fsname": &c.Source, "allow-other": &c.AllowOther, "idmap": &c.IDMap, "mode": &c.Mode, "uid": &c.UID, "gid": &c.GID,
		"store": &c.Store, "memory": &c.Memory, "spill-dir": &c.SpillDir, "huge": &c.Huge, "noswap": &c.NoSwap,
		"transport": &c.Transport, "passthrough": &c.Passthrough, "verbose": &c.Verbose, "log-json": &c.LogJSON,
	}
}

// Apply makes the options of s hold that are of a mount.
func (c *Config) Apply(s option.Set) error {
	fields := c.fields()
	for name, text := range s {
		field, ours := fields[name]
		if !ours {
			continue
		}
		if err := option.Find(name).Store(field, text); err != nil {
			return &Error{ErrConfig, err}
		}
	}
	return nil
}

// Options are the options by name, without those that need another one to have another value.
func (c Config) Options() option.Set {
	s := option.Set{}
	for name, field := range c.fields() {
		if text, ok := option.Find(name).Text(field); ok {
			s[name] = text
		}
	}
	return s.Sensible()
}
