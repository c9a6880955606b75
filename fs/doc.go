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
//	    inode.charging          changes of one inode's content, where the tree counts bytes
//	      inode.mu              attributes, handles, names of one inode
//	        membersPart.mu, statusFiles.mu, notifier.mu, tableShard.mu, the store's and quota's own
//
// reservationQueue.mu and freer.mu are taken alone.
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
//   - POSIX ACLs and security attributes: EOPNOTSUPP. User attributes need --xattr.
//   - every directory has a hidden entry .vanish, which cannot be made, removed or renamed (EPERM).
//   - a name that .vanish/new gave to one user is EEXIST for another for 60 seconds.
//   - over the size limit of a file, write is EFBIG without SIGXFSZ.
//   - with huge pages (on by default from a limit of 1 GiB) a write into a hole of a large file may
//     be charged as 2 MiB.
//   - on the mediated plane, a store to a shared mapping beyond the quota raises SIGBUS as on tmpfs
//     where the mapping itself read the hole first; a hole that was read into the page cache
//     before it was mapped is lost with ENOSPC at msync instead.
//   - RENAME_WHITEOUT is EINVAL, and FALLOC_FL_ZERO_RANGE EOPNOTSUPP where the store has none.
//   - inode numbers are never used twice.
package fs
