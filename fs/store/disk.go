package store

// A Disk is a Store some of whose bytes lie on a disk. Its Files are DiskFiles.
type Disk interface {
	Store
	// Tiers is where the bytes are and how many moved, at about the time of the call.
	Tiers() Tiers
}

// Tiers is the state of a Disk, bytes.
type Tiers struct {
	Memory     int64 // the budget
	MemoryUsed int64
	Spill      int64 // in use on disk
	Spilled    int64 // written to disk so far
	Fetched    int64 // read from disk so far
}

// A DiskFile is a File that may make its caller wait for a disk.
type DiskFile interface {
	File
	// MayWait says whether ReadAt or, if write is set, WriteAt of n bytes at off may have to wait for
	// the disk. It is a guess: the answer may be out of date at once. It takes less than a
	// millisecond, as it may have asked the disk already.
	MayWait(off, n int64, write bool) bool
}
