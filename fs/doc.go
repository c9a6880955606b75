// Package fs is the tree of a vanishfs mount: names, inodes, permissions,
// removal and the magic path. It implements fuse.RawFileSystem and knows
// neither a transport nor flags; the bytes of files are package store's.
//
// # Locks
//
// Locks are taken in this order, and no two of the same line are held at once,
// but for directories, as said there:
//
//	FS.renameMu                 a directory moves: the shape of the tree
//	  directory.mu              entries; parent before child, else see FS.lockPair
//	    inode.charging          changes of one inode's content, where the tree counts bytes or fills what is reserved
//	      inode.mu              attributes, handles, names of one inode
//	        membersPart.mu, statusFiles.mu, notifier.mu, uncacher.mu, tableShard.mu, ledger.mu, limbo.mu, the store's and quota's own
//	    reservations.mu         also below directory.mu
//	      expiry.mu             also below inode.mu
//
// templatePart.mu, freer.mu and Looks.mu are taken alone, expiry.ending before everything. Who waits for room
// (freer) may hold inode.charging, which what gives room back does not take.
//
// # What the tree remembers
//
// All of it is bounded, and given back without anybody's help, so that no user fills the daemon's memory by what
// he asks for (integration/promises, TestRemembered…):
//
//   - inodes and dentries: one for each inode that --inodes counts, names beyond the first too (link.go); a removed
//     one that somebody has open with O_PATH as well, but for some thousand (limbo.go). Maps and lists of a directory,
//     of an inode's names and of a scope shrink with what is in them (shrink.go).
//   - the magic path: nothing but the names that were looked up last, a fixed number for each user (templates.go).
//   - reservations: so many for each user and for all, 60 seconds each (reserve.go).
//   - extended attributes: what they take in memory, for each user and for all (xattr.go, ledger.go).
//   - open status files: so many for each user and for all (status.go).
//   - files that linger: one lapse for each inode, and one timer for all (expiry.go).
//   - content that is given back later: what the store counts (freeing.go).
//   - notices to the kernel: so many; should it not take them, the rest is dropped (notify.go).
//   - missing names and positions in directories: nothing; the kernel remembers those, and cookies are numbers.
//   - the table's slots: 24 bytes for each inode that there was at one time.
//
// A transport has a buffer for each request that is being answered, and nothing else. Sessions and users are
// remembered as long as processes and files refer to them (package session).
//
// # Behaviour
//
// What programs see of it, and how that differs from tmpfs, is in the manual:
// vanishfs(5), cmd/vanishfs/man/vanishfs.5.md. Who can do what to a mount, and
// what stops them, is in vanishfs-security(7).
package fs
