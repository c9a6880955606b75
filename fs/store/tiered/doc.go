// Package tiered is a store.Store whose files lie in memory up to a budget and, beyond it,
// sealed in a spill file on disk.
//
// # Where a page is
//
// A file is a sparse sequence of chunks of 64 KiB, each 16 pages of 4 KiB. A page of a chunk is
//
//   - a hole: not charged, reads as zeros;
//   - unwritten: charged by Allocate, takes no room yet, reads as zeros;
//   - dirty: in memory only;
//   - clean: in memory, and the same in a live page of an extent on disk;
//   - spilled: in an extent on disk only.
//
// An extent is up to four pages of one chunk, sealed together (package seal) and stored in
// consecutive slots of the spill file. Changing a page makes it dirty and its place in the extent
// dead; an extent without live pages gives its slots back. Nonces and tags are in memory, so that
// what lies on disk is exactly as long as the data and stays aligned for direct I/O.
//
// # How data moves
//
// When free memory falls below a mark, spill workers take the coldest chunks (a clock with a
// small heat counter each), seal their dirty pages into a staging buffer, write the batch in one
// go and drop the pages. While a page is in flight its frame belongs to the worker: whoever
// changes the page gives it another frame first.
//
// A spilled page that is read goes to the reader and not into memory. Where a file is read in sequence,
// what comes next is read ahead, into buffers (windows) from which it is taken without waiting. A read
// from several places on the disk reads all of them at the same time. A small read from a disk that has
// been quick is tried before the request is handed over (a glance): that takes no longer, and never holds
// up others for more than a fifth of a millisecond. A chunk comes back into memory if it is read again
// before as much as memory holds has been read; its pages are clean then, and cost nothing to drop.
//
// Writers are slowed down the more free memory is short, and wait when there is none. No lock is
// held during disk I/O: what is in memory can always be read.
//
// # Budget
//
// Options.Memory covers the data in memory and the index of what is spilled (0.3 % of it, or 2.3 % of single
// pages here and there). However large the index is, 48 MiB of the budget are left to data, or three
// eighths if that is less; an index that needs more than the rest comes on top. Memory of what is removed
// is wiped at once. Up to 256 MiB of it, and a quarter of the budget, stay with the store for a second in
// case they are used again, and 16 MiB for good. On top of the budget come 8 MiB of staging buffers for
// spilling and reading; the kernel buffers nothing where the spill directory can do direct I/O. A budget
// below 4 MiB, also 0, is taken as 4 MiB, in which written data is gathered on its way to the disk; the
// index then comes on top.
//
// # Faults
//
// Data that was acknowledged is in memory or on disk. What the disk refuses to take stays in
// memory; a write that needs room which only the disk could give fails, with ENOSPC if the disk
// is full and EIO if it fails. What cannot be read back, or does not open, is EIO for that range
// and a log line.
//
// A sealed extent keeps its slots until its last page is dead, so that the spill file can be
// larger than the data in it: 1.5 times under random overwrites, 4 times if three of every
// four pages are punched out on purpose.
//
// # Locks
//
//	File.mu
//	    clock.mu
//	    pool.mu
//	    space.mu
//	    trouble.mu
//	    readahead.mu
//	    the ring's lock (package seal)
//	spiller.sealing
//	    the ring's lock
//	space.punching
//	    space.mu
//
// No two File.mu are held at once. None is held during disk I/O or while waiting for memory.
package tiered
