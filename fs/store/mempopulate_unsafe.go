package store

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// populate has whole pages of a tmpfs file faulted in for reading, n bytes at off; EFAULT if one of them is past
// the end or did not fit. It is a fault's doing (mm/shmem.c, shmem_get_folio_gfp with SGP_CACHE): what is there is
// not touched, whoever writes meanwhile, size and mtime stay (mmap itself moves atime), and what was a hole is data at
// once. Linux 5.14.
func populate(fd int, off, n int64) error {
	p, err := unix.MmapPtr(fd, off, nil, uintptr(n), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer func() { _ = unix.MunmapPtr(p, uintptr(n)) }()
	pages := unsafe.Slice((*byte)(p), n) // not looked at: a page past the end would raise SIGBUS
	for {
		if err = unix.Madvise(pages, unix.MADV_POPULATE_READ); err != unix.EINTR && err != unix.EAGAIN {
			return err
		}
	}
}
