package fs

import (
	"log/slog"
	"time"

	"vanishfs/fs/store"
	"vanishfs/quota"
)

// A Removal says when a file goes by itself.
type Removal uint8

const (
	// RemoveSession removes with the session, at its end.
	RemoveSession Removal = iota
	// RemoveClose removes every name of the file at its last close.
	RemoveClose
	// RemoveKeep exempts from removal at close, by age and at the end of a scope; the end of the mount still removes.
	RemoveKeep

	// removeAsMount is of directories: what is created in them has the policy that the mount has then.
	removeAsMount
)

var removalNames = [...]string{"session", "close", "keep"}

func (r Removal) String() string { return removalNames[r] }

// ParseRemoval is the inverse of String.
func ParseRemoval(s string) (Removal, bool) {
	for i, name := range removalNames {
		if s == name {
			return Removal(i), true
		}
	}
	return 0, false
}

// A Scope is a session that created files belong to. Scopes are compared by
// identity; the tree keeps a Scope with each inode and never looks inside.
type Scope struct {
	// Name is shown in status, for instance "sid:4711".
	Name string
	// Domain is what the scope's files are charged to.
	Domain *quota.Domain

	members members
}

// Options is everything a tree is made of.
type Options struct {
	// Store holds the bytes of all regular files.
	Store store.Store
	// Domain is the mount's quota: inodes always, bytes where AccountBytes is set.
	Domain *quota.Domain
	// AccountBytes charges every byte to the inode's domain as it is written, because more than
	// the store's own limit is to hold (per-user and per-session limits). It makes files mediated.
	AccountBytes bool
	// ScopeOf, if set, gives the scope that a file created by this process belongs to, and whose
	// domain it is charged to. It is called on the serving goroutine and must not block on the mount.
	// With an error nothing can be created. nil: everything belongs to the mount's own scope and to Domain.
	ScopeOf func(pid, uid uint32) (*Scope, error)
	// Sessions says that scopes may end, by FS.EndScope, while the mount goes on.
	Sessions bool

	// Posix keeps ordinary POSIX modes; otherwise group, other, setuid, setgid and sticky bits never exist.
	Posix bool
	// DenyChmod answers EPERM to a chmod that asks for bits which never exist, instead of dropping them.
	DenyChmod bool
	// Private says that only one user (and root) can reach the mount: the tree checks permissions itself
	// and the mount goes without default_permissions.
	Private bool
	// Owner is who mounted, and with Private the only one to reach the mount. Unless that is root, he may change
	// its options.
	Owner uint32

	// IDMapped says that mounts of it may be id-mapped: see caller.go. It excludes Private.
	IDMapped bool

	// RootMode, UID and GID are the attributes of the root directory. RootMode is permission bits with sticky.
	RootMode uint32
	UID, GID uint32

	// Trees makes as many directories in the root, named 0, 1 and so on, that are roots as well: of trees
	// that are mounted apart and share everything else.
	Trees int

	// Remove is the policy of files for which nothing else is said; Linger delays removal at close.
	Remove Removal
	Linger time.Duration
	// MaxIdle removes what was not in use and has had no change for that long; 0 is never.
	MaxIdle time.Duration

	// FileSize is the largest size of a file, bytes; 0 is unlimited.
	FileSize int64
	// XAttr stores user extended attributes; without it the kernel is told once that there are none.
	XAttr bool

	// MayMap reports whether a process may have an inode mapped, where the daemon may not look itself; nil
	// is the function of that name. It may take for ever: see Looks.
	MayMap func(pid uint32, ino uint64) bool

	// Control answers for the mount; nil: there are no options to see or to change.
	Control Control

	// Version and Session are shown in status.
	Version, Session string
	// Logger takes what the tree has to say.
	Logger *slog.Logger
}

// Features is what the kernel granted the connection.
type Features struct {
	Passthrough bool
	Transport   string // "dev" or "uring"
}

// Kernel is what the tree asks of the transport that serves it. The ExpireEntry, Inval and
// Delete calls take locks in the kernel that a caller waiting for us may hold
// (fs/fuse/dev.c, fuse_notify): they are made from one goroutine of their own.
type Kernel interface {
	store.Backer
	// ExpireEntry makes the kernel look a name up again, also a negative one.
	ExpireEntry(parent uint64, name string) error
	// ExpireEntries makes the kernel look every cached name up again, dropping it and what is mounted there or
	// below when it meets it (FUSE_NOTIFY_INC_EPOCH, Linux 6.17; fs/fuse/dev.c, fuse_notify_inc_epoch). It takes no
	// lock and may be called while serving. ENOSYS or EINVAL where the kernel has none.
	ExpireEntries() error
	// DeleteEntry says that the name of child was removed, as unlink would.
	DeleteEntry(parent, child uint64, name string) error
	// Prune makes the kernel forget those of the nodes that nobody uses, in this order; FORGET comes right after it.
	// ENOSYS or EINVAL where the kernel cannot.
	Prune(nodes []uint64) error
	// InvalInode drops cached attributes, and cached pages from off on; off < 0 is attributes only.
	InvalInode(node uint64, off, length int64) error
}
