package main

import (
	"errors"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// An option is something a filesystem can be told, as a flag of run and mount
// (flags.go) and as a mount option of the same name (mountopts.go).
type option struct {
	name  string
	short string // one letter, flag only
	group string // heading in the help
	usage string // with the value's placeholder in backquotes; none for a switch
	def   string // the default, for the help
	only  string // "run" or "mount" if it is for one of them only
	multi bool   // can be given several times; never a mount option
	set   setter
}

// A setter reads a value into the settings; a switch gets "true" or "false".
type setter func(s *settings, value string) error

func (o *option) isSwitch() bool { return !strings.Contains(o.usage, "`") }

const (
	groupLimits  = "Limits (SIZE: 64MiB, 2g, 1.5GB, 50% of RAM, 0 for none)"
	groupFiles   = "What a file gets"
	groupRemoval = "Removal (DURATION: 2s, 90m, 10d)"
	groupPlace   = "Where it is"
	groupUsers   = "Who may use it"
	groupBytes   = "Where the bytes are and how they travel"
	groupLog     = "Log, on standard error"
)

var options = []*option{
	{name: "size", group: groupLimits, usage: "at most `SIZE` in all", def: "50%",
		set: size(func(s *settings) *int64 { return &s.Size })},
	{name: "inodes", group: groupLimits, usage: "at most `N` files, directories and links", def: "half of RAM in pages",
		set: count(func(s *settings) *int64 { return &s.Inodes })},
	{name: "file-size", group: groupLimits, usage: "at most `SIZE` in one file", def: "0",
		set: size(func(s *settings) *int64 { return &s.FileSize })},
	{name: "user-size", group: groupLimits, usage: "at most `SIZE` for each user", def: "0",
		set: size(func(s *settings) *int64 { return &s.UserSize })},
	{name: "session-size", group: groupLimits, usage: "at most `SIZE` for each session, see --session", def: "0", only: "mount",
		set: size(func(s *settings) *int64 { return &s.SessionSize })},

	{name: "permissions", group: groupFiles, usage: "`owner|posix`: keep only the owner's mode bits, or all of them", def: "owner",
		set: text(func(s *settings) *string { return &s.Permissions })},
	{name: "chmod", group: groupFiles, usage: "`keep|deny`: drop bits that never exist from a chmod, or refuse it", def: "keep",
		set: text(func(s *settings) *string { return &s.Chmod })},
	{name: "xattr", group: groupFiles, usage: "store user extended attributes",
		set: toggle(func(s *settings) *bool { return &s.XAttr })},
	{name: "noexec", group: groupFiles, usage: "refuse to execute files",
		set: toggle(func(s *settings) *bool { return &s.NoExec })},

	{name: "remove", group: groupRemoval, usage: "`session|close`: remove a file at the end of the session, or at its last close", def: "session",
		set: text(func(s *settings) *string { return &s.Remove })},
	{name: "session", group: groupRemoval, usage: "`mount|process|sid|cgroup`: what a session is: the whole mount, or each process, POSIX session or cgroup that creates files", def: "mount", only: "mount",
		set: text(func(s *settings) *string { return &s.Session })},
	{name: "linger", group: groupRemoval, usage: "wait `DURATION` after the last close; opening again cancels the removal", def: "0",
		set: span(func(s *settings) *time.Duration { return &s.Linger })},
	{name: "max-idle", group: groupRemoval, usage: "remove what was neither open, locked nor changed for `DURATION`", def: "0, never",
		set: span(func(s *settings) *time.Duration { return &s.MaxIdle })},

	{name: "at", group: groupPlace, usage: "put the filesystem at `DIR`; repeatable", def: "/tmp", only: "run", multi: true,
		set: list(func(s *settings) *[]string { return &s.at })},
	{name: "expose", group: groupPlace, usage: "keep `PATH` of the directory outside visible inside; repeatable", only: "run", multi: true,
		set: list(func(s *settings) *[]string { return &s.expose })},
	{name: "wait", group: groupPlace, usage: "wait for processes that outlive COMMAND instead of ending them", only: "run",
		set: toggle(func(s *settings) *bool { return &s.wait })},
	{name: "foreground", short: "f", group: groupPlace, usage: "stay until unmounted instead of going to the background", only: "mount",
		set: toggle(func(s *settings) *bool { return &s.foreground })},

	{name: "allow-other", group: groupUsers, usage: "let other users in, as in /tmp", only: "mount",
		set: toggle(func(s *settings) *bool { return &s.AllowOther })},
	{name: "mode", group: groupUsers, usage: "octal `MODE` of the top directory", def: "1777 where other users may enter, else 0700",
		set: fileMode(func(s *settings) **uint32 { return &s.Mode })},
	{name: "uid", group: groupUsers, usage: "owner of the top directory, `USER` or number", def: "the caller",
		set: account(func(s *settings) **uint32 { return &s.UID }, userID)},
	{name: "gid", group: groupUsers, usage: "group of the top directory, `GROUP` or number", def: "the caller's",
		set: account(func(s *settings) **uint32 { return &s.GID }, groupID)},

	{name: "store", group: groupBytes, usage: "`memory|tiered`: a tmpfs that no path leads to, or memory and, when that is full, encrypted disk", def: "memory",
		set: text(func(s *settings) *string { return &s.Store })},
	{name: "memory", group: groupBytes, usage: "with --store=tiered: at most `SIZE` of RAM, 0 for disk only", def: "25%",
		set: size(func(s *settings) *int64 { return &s.Memory })},
	{name: "spill-dir", group: groupBytes, usage: "with --store=tiered: `DIR` on a disk, where nothing is ever readable or left", def: "/var/tmp",
		set: directory(func(s *settings) *string { return &s.SpillDir })},
	{name: "huge", group: groupBytes, usage: "`auto|never|within_size|always`: huge pages", def: "auto: within_size from 1 GiB on",
		set: text(func(s *settings) *string { return &s.Huge })},
	{name: "noswap", group: groupBytes, usage: "never write the bytes to swap; needs root",
		set: toggle(func(s *settings) *bool { return &s.NoSwap })},
	{name: "transport", group: groupBytes, usage: "`auto|uring|dev`: how the kernel's requests come", def: "auto",
		set: text(func(s *settings) *string { return &s.Transport })},
	{name: "passthrough", group: groupBytes, usage: "`auto|on|off`: let the kernel go straight to the bytes", def: "auto",
		set: text(func(s *settings) *string { return &s.Passthrough })},

	{name: "verbose", short: "v", group: groupLog, usage: "say what is done and what is not available, and why",
		set: toggle(func(s *settings) *bool { return &s.Verbose })},
	{name: "log-json", group: groupLog, usage: "log lines are JSON objects",
		set: toggle(func(s *settings) *bool { return &s.LogJSON })},
}

// apply sets the option and remembers that it was given; shown is what the user wrote, for messages.
func (o *option) apply(s *settings, shown, value string) error {
	if err := o.set(s, value); err != nil {
		return valuef("%s %q: %w", shown, value, err)
	}
	s.given[o.name] = true
	return nil
}

func size(field func(*settings) *int64) setter {
	return func(s *settings, value string) error {
		n, err := parseSize(value, s.ram)
		if err == nil {
			*field(s) = n
		}
		return err
	}
}

func count(field func(*settings) *int64) setter {
	return func(s *settings, value string) error {
		n, err := parseCount(value)
		if err == nil {
			*field(s) = n
		}
		return err
	}
}

func span(field func(*settings) *time.Duration) setter {
	return func(s *settings, value string) error {
		d, err := parseDuration(value)
		if err == nil {
			*field(s) = d
		}
		return err
	}
}

// text is for words; lifecycle.Config knows which there are.
func text(field func(*settings) *string) setter {
	return func(s *settings, value string) error {
		*field(s) = value
		return nil
	}
}

// directory is made absolute: a daemon's directory is another than the caller's.
func directory(field func(*settings) *string) setter {
	return func(s *settings, value string) error {
		if value == "" || !utf8.ValidString(value) {
			return errors.New("not a path in UTF-8")
		}
		dir, err := filepath.Abs(value)
		if err == nil {
			*field(s) = dir
		}
		return err
	}
}

func toggle(field func(*settings) *bool) setter {
	return func(s *settings, value string) error {
		on, err := strconv.ParseBool(value)
		if err != nil {
			return errors.New("not true or false")
		}
		*field(s) = on
		return nil
	}
}

func list(field func(*settings) *[]string) setter {
	return func(s *settings, value string) error {
		if value == "" {
			return errors.New("empty path")
		}
		*field(s) = append(*field(s), value)
		return nil
	}
}

func fileMode(field func(*settings) **uint32) setter {
	return func(s *settings, value string) error {
		mode, err := strconv.ParseUint(value, 8, 32)
		if err != nil || mode > 0o7777 {
			return errors.New("not an octal mode such as 1777")
		}
		m := uint32(mode)
		*field(s) = &m
		return nil
	}
}

func account(field func(*settings) **uint32, lookup func(string) (string, error)) setter {
	return func(s *settings, value string) error {
		if _, err := strconv.ParseUint(value, 10, 32); err != nil {
			if value, err = lookup(value); err != nil {
				return errors.New("no such user or group")
			}
		}
		id, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return errors.New("not an id")
		}
		n := uint32(id)
		*field(s) = &n
		return nil
	}
}

func userID(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func groupID(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}
