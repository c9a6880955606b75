// Package store holds the bytes of regular files, and nothing else of a file.
//
// The tree (package fs) keeps one File for each regular file and opens it while
// the file has open handles. A Store has the bytes of one quota domain. Its limit
// is exact, and ENOSPC comes from the call that would exceed it.
//
// Errors are syscall.Errno values wherever the caller is to see a certain errno
// (ENOSPC, EFBIG, EINVAL, ENXIO, EOPNOTSUPP); anything else is EIO. All methods may
// be called from several goroutines at once.
package store

import "math"

// PageSize is the unit of accounting, bytes.
const PageSize = 4096

// Span is how many bytes the pages have that n bytes at off touch, or the most whole pages that an int64 can
// say; off+n is one.
func Span(off, n int64) int64 {
	if n <= 0 {
		return 0
	}
	return min((off+n-1)/PageSize-off/PageSize+1, math.MaxInt64/PageSize) * PageSize
}

// Attr is what the store knows of a file.
type Attr struct {
	Size   int64 // bytes
	Blocks int64 // units of 512 bytes; whole pages, holes not counted
	Atime  Time
	Mtime  Time
	Ctime  Time
}

// Usage is the state of a store's limit, bytes.
type Usage struct {
	Size int64 // the limit; 0 is unlimited
	Used int64 // whole pages in use, freed files not counted
	Free int64 // what can still be written; meaningful without a limit too
}

// A Backer registers descriptors for FUSE passthrough with the kernel
// connection that serves the mount (FUSE_DEV_IOC_BACKING_OPEN,
// fs/fuse/backing.c). The kernel keeps a reference of its own.
type Backer interface {
	RegisterBacking(fd int) (id int32, err error)
	UnregisterBacking(id int32) error
}

// A Store makes files whose bytes together stay below one limit.
type Store interface {
	// Kind is the store's name in status: "memory" or "tiered".
	Kind() string
	// New returns a new, empty file that is open: Open has been called on it once.
	New() (File, error)
	// Usage is exact at the time of the call.
	Usage() (Usage, error)
	// Resize changes the limit, bytes; EINVAL below what is in use.
	Resize(size int64) error
	// UseBacker switches passthrough on: from now on an open File has a backing id.
	// Called once at most, before the first New.
	UseBacker(b Backer)
	// Close gives everything back. No File may be used afterwards.
	Close() error
}

// A File is the bytes of one regular file.
type File interface {
	// Open and Close bracket use: ReadAt, ReadUnseen, WriteAt, Truncate, Allocate, Fill, Seek, Missing, CopyTo and
	// Backing want an open file. They nest. Attr, SetTimes and Free do not need it.
	Open() error
	Close()

	// ReadAt fills p from off; a short count without error is the end of the file.
	ReadAt(p []byte, off int64) (int, error)
	// ReadUnseen is ReadAt that leaves atime as it is (O_NOATIME).
	ReadUnseen(p []byte, off int64) (int, error)
	// WriteAt writes what fits: a short count comes without error, ENOSPC only with 0.
	WriteAt(p []byte, off int64) (int, error)
	// Truncate sets the size; growing makes a hole. Times are left to the caller.
	Truncate(size int64) error
	// Allocate is fallocate(2) with FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE|KEEP_SIZE,
	// FALLOC_FL_ZERO_RANGE or 0; EOPNOTSUPP for what the store cannot do.
	Allocate(mode uint32, off, length int64) error
	// Fill makes the pages that n bytes at off touch, as far as they are within the file, data: those that are
	// holes, or that Allocate made, become zeros that Seek finds. Neither bytes nor size nor times, but
	// for atime, change, whoever writes meanwhile. It is what a fault in a mapping does on tmpfs. After
	// ENOSPC some pages may have become data.
	Fill(off, n int64) error
	// Seek is lseek(2) with SEEK_DATA or SEEK_HOLE; ENXIO past the end.
	Seek(off int64, whence int) (int64, error)
	// Missing is how many bytes of the pages that n bytes at off touch are not charged: what a write
	// there would add. Unlike Seek it looks no further. Where the kernel cannot tell (before Linux 6.5)
	// it is all of them if there is a hole or the end among them, or zeros that Allocate made.
	Missing(off, n int64) int64
	// CopyTo copies n bytes at off to dst, a file of the same Store, at dstOff.
	CopyTo(dst File, off, dstOff, n int64) (int64, error)

	// Attr is exact while the file is open; of a closed file it is what it was at its last Close,
	// with later SetTimes applied.
	Attr() (Attr, error)
	// SetTimes sets atime and mtime; Omit leaves one as it is.
	SetTimes(atime, mtime Time) error

	// Backing is the id to open the file with for passthrough; ok is false without a Backer
	// or when registering failed. The id is the same as long as the file is open.
	Backing() (id int32, ok bool)
	// Settled says whether nobody can change the file through its Backing id any more, nor look
	// at it: nobody has it open or mapped that way. It wants an open file, and may say no in doubt.
	Settled() bool

	// Free gives the bytes back, at once as far as Usage tells; the file must be closed
	// and cannot be used any more.
	Free()
}
