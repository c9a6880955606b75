package tiered

import "io"

// A Disk is where sealed blocks go. Offsets and lengths are multiples of the page size, and
// buffers are aligned to it. All methods may be called from several goroutines at once, Truncate
// only while nothing behind the new end is written.
//
// An error that is ENOSPC, EDQUOT or EFBIG (errors.Is) means full; any other means broken.
type Disk interface {
	io.ReaderAt
	io.WriterAt
	// Punch gives the space of n bytes at off back; they are not read before they are written.
	Punch(off, n int64) error
	// Truncate sets the size of the file, which writes beyond it make larger.
	Truncate(size int64) error
	// Free is how many bytes could still be written.
	Free() (int64, error)
	// Close gives everything back.
	Close() error
}
