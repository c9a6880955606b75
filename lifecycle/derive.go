package lifecycle

import (
	"os"

	"vanishfs/fs"
	"vanishfs/fs/store"
	"vanishfs/fs/transport"
	"vanishfs/lifecycle/option"
	"vanishfs/lifecycle/session"
	"vanishfs/quota"
)

// The modes of the root directory: as /tmp has it where everybody may use it.
const (
	sharedRoot  = 0o1777
	privateRoot = 0o700
)

// withDefaults puts the default where a field is empty.
func (c Config) withDefaults() Config {
	for name, field := range c.fields() {
		if word, ok := field.(*string); ok && *word == "" {
			*word = option.Find(name).Default
		}
	}
	if c.Mode == nil {
		mode := uint32(privateRoot)
		if c.AllowOther {
			mode = sharedRoot
		}
		c.Mode = &mode
	}
	if c.UID == nil {
		uid := uint32(os.Geteuid())
		c.UID = &uid
	}
	if c.GID == nil {
		gid := uint32(os.Getegid())
		c.GID = &gid
	}
	c.Logger = c.logger()
	return c
}

// manySessions says whether there are sessions inside the mount.
func (c *Config) manySessions() bool { return c.Session != "" && c.Session != "mount" }

// countsBytes says whether limits hold that the store's own does not cover.
func (c *Config) countsBytes() bool { return c.UserSize > 0 || c.SessionSize > 0 }

// memoryOptions have no huge pages where the tree counts bytes: one is more than a write reserves.
func (c *Config) memoryOptions() store.MemoryOptions {
	huge := c.Huge
	if c.countsBytes() {
		huge = "never"
	}
	return store.MemoryOptions{
		Size: c.Size, Huge: huge, NoSwap: c.NoSwap,
		UID: os.Geteuid(), GID: os.Getegid(), Logger: c.Logger,
	}
}

// limits are those of the mount's domain. The store holds the bytes' one alone
// and exactly, unless the daemon has to count them anyway.
func (c *Config) limits() quota.Limits { return quota.Limits{Bytes: c.Size, Inodes: c.Inodes} }

func (c *Config) sessionOptions(s store.Store, d *quota.Domain) session.Options {
	o := session.Options{Kind: c.Session, Domain: d, UserSize: c.UserSize, SessionSize: c.SessionSize, Logger: c.Logger}
	if memory, ok := s.(*store.Memory); ok {
		o.Room = memory.Yield
	}
	return o
}

// treeOptions name the session of those who are in none inside the mount.
func (c *Config) treeOptions(s store.Store, d *quota.Domain) fs.Options {
	removal, _ := fs.ParseRemoval(c.Remove)
	return fs.Options{
		Store: s, Domain: d, AccountBytes: c.countsBytes(),
		Posix: c.Permissions == "posix", DenyChmod: c.Chmod == "deny", Private: !c.AllowOther, IDMapped: c.IDMap, Owner: uint32(os.Geteuid()),
		RootMode: *c.Mode, UID: *c.UID, GID: *c.GID,
		Sessions: c.manySessions(), Trees: c.Trees, Remove: removal, Linger: c.Linger, MaxIdle: c.MaxIdle,
		FileSize: c.FileSize, XAttr: c.XAttr,
		MayMap: c.MayMap, Version: c.Version, Session: "mount", Logger: c.Logger,
	}
}

// mountOptions are the kernel's: on a shared mount it checks permissions, on a private one the tree does.
func (c *Config) mountOptions() transport.MountOptions {
	return transport.MountOptions{
		Source: c.Source, AllowOther: c.AllowOther, DefaultPermissions: c.AllowOther, NoExec: c.NoExec,
		RootMode: *c.Mode, UID: os.Geteuid(), GID: os.Getegid(),
	}
}

func (c *Config) serverOptions() transport.Options {
	passthrough := c.Passthrough != "off" && !c.countsBytes() && c.Store != "tiered"
	return transport.Options{
		Transport: c.Transport, Passthrough: passthrough, NoPrivileges: c.Permissions == "owner", IDMapped: c.IDMap, Logger: c.Logger,
	}
}
