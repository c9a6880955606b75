package fs

import (
	"sync"
	"sync/atomic"
	"syscall"

	"vanishfs/fs/store"
)

// An inode is a file of any type.
//
// INVARIANT: nlink is the number of names, plus one for "." and one
// for each subdirectory if it is a directory that is linked.
// INVARIANT: file is open in the store while opens+held > 0, and only then.
type inode struct {
	// Constant after creation.
	id      uint64   // what the kernel calls it; see table
	ino     uint64   // st_ino, never used twice in a mount
	btime   int64    // ns since the epoch
	typ     uint32   // S_IFMT bits
	top     bool     // a root as well; see Options.Trees
	special *special // of short symlinks, else nil

	// lookups is the kernel's lookup count: replies that named this inode, less what FORGET took back.
	lookups atomic.Int64

	// charging is held during a change of the content where the tree accounts, and guards bytes as long as
	// the content is in use. Elsewhere it keeps what fallocate(2) made from being given back while a READ fills it. It comes after directory.mu and before mu.
	charging sync.Mutex
	// changing counts the changes that take charging over and over, and long: fallocate, truncate, copy.
	changing atomic.Int32

	// mu guards what follows. It comes after directory.mu in the lock order, and two of them are
	// never held together.
	mu         sync.Mutex
	mode       uint32 // permission bits and the like, without the type
	uid, gid   uint32
	nlink      uint32
	opens      int32 // handles
	backing    int32 // id for passthrough while there are handles; 0 is mediated
	held       int32 // requests that use the content right now
	mappable   int32 // of the handles, those that can be mapped shared and writable, on the mediated plane; see holes.go
	removal    Removal
	unnamed    bool // made by O_TMPFILE and never linked
	vanished   bool // removed for good: no new handle
	charged    bool // counted in the domain
	reserved   bool // there may be charged pages that look like holes; see nearlimit.go
	freed      bool // out of the table
	nodump     bool // see flags.go
	limbo      bool // neither charged nor freed, and counted in limbo
	mapped     bool // perhaps, shared and writable, past the daemon; see mapped.go
	told       bool // the kernel may have attributes cached; see blocksChanged
	wasRead    bool // the kernel may have pages cached since before mappable was not zero
	remembered bool // the kernel may remember names for long, though the policy is RemoveClose by now
	// untilForget keeps the content of a file without name and handle until the kernel forgets it.
	untilForget bool
	bytes       int64      // charged to the domain, only where the tree accounts; see charge.go and charging
	times       *times     // nil for a regular file, whose store knows them
	ctime       int64      // ns since the epoch
	link        *dentry    // its only name; of several see extra
	file        store.File // regular files and long symlinks; nil once freed
	scope       *Scope     // nil is the mount's own
	ext         *extra

	// dir is set, once, for directories.
	dir *directory
}

// times are those that can be set. Guarded by inode.mu.
type times struct{ atime, mtime store.Time }

// newTimes are those of an inode of that type that is made now, ns since the epoch.
func newTimes(typ uint32, now int64) *times {
	if typ == syscall.S_IFREG {
		return nil
	}
	t := store.Nanos(now)
	return &times{t, t}
}

// special is what few inodes are made with. All constant.
type special struct {
	target string // of a short symlink
}

// extra is what few inodes come to have. Guarded by inode.mu.
type extra struct {
	names    map[*dentry]struct{} // where there are several, or were
	most     int                  // of names since the map was made
	xattrs   xattrList
	xattrsOf uint32 // user id that they are counted for
	linger   *lapse[*inode]
}

// A dentry is one name of an inode. All fields are constant.
type dentry struct {
	parent *inode
	name   string
	cookie uint64 // position in the directory stream
	node   *inode
}

func (n *inode) isDir() bool { return n.dir != nil }

// extraLocked returns ext, made on demand.
// Precondition: n.mu is held.
func (n *inode) extraLocked() *extra {
	if n.ext == nil {
		n.ext = new(extra)
	}
	return n.ext
}

// addLinkLocked makes d one of the names of n.
// Precondition: n.mu is held.
func (n *inode) addLinkLocked(d *dentry) {
	several := n.ext != nil && n.ext.names != nil
	if !several && n.link == nil {
		n.link = d
		return
	}
	if !several {
		n.extraLocked().names = map[*dentry]struct{}{n.link: {}}
		n.link = nil
	}
	n.ext.names[d] = struct{}{}
	n.ext.most = max(n.ext.most, len(n.ext.names))
}

// dropLinkLocked is the inverse of addLinkLocked.
// Precondition: n.mu is held.
func (n *inode) dropLinkLocked(d *dentry) {
	if n.link == d {
		n.link = nil
		return
	}
	delete(n.ext.names, d)
	n.ext.names, n.ext.most = shrunk(n.ext.names, n.ext.most)
	if len(n.ext.names) == 0 {
		n.ext.names, n.ext.most = nil, 0
	}
}

// namedLocked says whether n has a name.
// Precondition: n.mu is held.
func (n *inode) namedLocked() bool { return n.link != nil || n.ext != nil && n.ext.names != nil }

// anyName is one of the dentries of n, nil if there is none.
func (n *inode) anyName() *dentry {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.link == nil && n.ext != nil {
		for d := range n.ext.names {
			return d
		}
	}
	return n.link
}

// names returns the dentries of n as they are now, in no order.
func (n *inode) names() (all []*dentry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.link != nil {
		return []*dentry{n.link}
	}
	if n.ext != nil {
		for d := range n.ext.names {
			all = append(all, d)
		}
	}
	return all
}
