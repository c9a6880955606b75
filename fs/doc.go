// Package fs is the tree of a vanishfs mount: names, inodes, permissions,
// removal and the magic path. It implements fuse.RawFileSystem and knows
// neither a transport nor flags; the bytes of files are package store's.
//
// # Locks
//
// In this order, and never two of one line but as said:
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
// # Differences from tmpfs
//
// With --permissions=owner, the default:
//
//   - files and directories never have group, other, setuid, setgid or sticky bits; chmod drops
//     them (or is EPERM with --chmod=deny). The root of the mount is not a file and keeps its mode.
//
// Always:
//
//   - device nodes cannot be made: EPERM, for root too.
//   - POSIX ACLs are taken as a chmod (acl.go); security attributes: EOPNOTSUPP. User attributes need --xattr.
//   - every directory has a hidden entry .vanish, which cannot be made, removed or renamed (EPERM).
//   - a name that .vanish/new gave to one user is EEXIST for another for 60 seconds.
//   - over the size limit of a file, write is EFBIG without SIGXFSZ.
//   - a mapping that asks for huge pages (MADV_HUGEPAGE) gets them on the direct plane, and is charged
//     for them: 2 MiB for the first store to each.
//   - on the mediated plane, a store to a shared mapping beyond the quota raises SIGBUS as on tmpfs,
//     but for a page whose hole somebody has read within the last millisecond: that is charged when it
//     is written back, and beyond the quota lost with ENOSPC at msync; see holes.go. A fault may fill a
//     page beside it that lies alone between cached ones. A hole that is read by a process that
//     may have the file mapped is filled, and so it is where the daemon cannot tell.
//   - on the mediated plane, reading what is in the page cache does not move atime.
//   - RENAME_WHITEOUT is EINVAL, and FALLOC_FL_ZERO_RANGE EOPNOTSUPP where the store has none.
//   - of the flags of chattr(1) there is only d, which is not to be dumped (flags.go); the others of tmpfs are EOPNOTSUPP.
//   - inode numbers are never used twice.
package fs
