package fs

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A procmapQuery is struct procmap_query (include/uapi/linux/fs.h, Linux 6.11).
type procmapQuery struct {
	size, flags, addr     uint64 // in
	start, end, vmaFlags  uint64 // out
	pageSize, offset      uint64
	inode                 uint64
	devMajor, devMinor    uint32
	nameSize, buildIDSize uint32
	nameAddr, buildIDAddr uint64
}

const (
	procmapQueryIoctl     = 0xc0686611 // PROCMAP_QUERY
	procmapCoveringOrNext = 0x10
	procmapFileBacked     = 0x20
)

// ask finds the first mapping that q.flags and q.addr are for; ENOENT if there is none.
func (q *procmapQuery) ask(maps int) error {
	q.size = uint64(unsafe.Sizeof(*q))
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(maps), procmapQueryIoctl, uintptr(unsafe.Pointer(q)))
	if errno != 0 {
		return errno
	}
	return nil
}
