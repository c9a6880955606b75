package store

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// populate has whole pages of a tmpfs file faulted in, n bytes at off; EFAULT if one of them is past the end or
// did not fit. It is a fault's doing (mm/shmem.c, shmem_get_folio_gfp with SGP_CACHE): what is there is not touched,
// whoever writes meanwhile, size and mtime stay (mmap itself moves atime), and what was a hole is data at once. Linux 5.14.
//
// Pages that a fault made for reading are clean, and the kernel drops clean ones when it wants memory: the hole is
// back, and its charge is gone (mm/shmem.c, shmem_recalc_inode). So they are made dirty: the pages are there for
// writing already, as tmpfs wants to hear of no store (mm/mmap.c, vma_wants_writenotify), and the second call
// finds them and marks them (mm/gup.c, follow_page_pte). It does not fault, which would move mtime.
func populate(fd int, off, n int64) error {
	p, err := unix.MmapPtr(fd, off, nil, uintptr(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer func() { _ = unix.MunmapPtr(p, uintptr(n)) }()
	pages := unsafe.Slice((*byte)(p), n) // not looked at: a page past the end would raise SIGBUS
	if err := advise(pages, unix.MADV_POPULATE_READ); err != nil {
		return err
	}
	return advise(pages, unix.MADV_POPULATE_WRITE)
}

func advise(pages []byte, advice int) error {
	for {
		if err := unix.Madvise(pages, advice); err != unix.EINTR && err != unix.EAGAIN {
			return err
		}
	}
}
