package load

import (
	"os"
	"syscall"
	"unsafe"
)

// fiemap is struct fiemap of linux/fiemap.h without its array.
type fiemap struct {
	start, length uint64
	flags         uint32
	mapped        uint32 // out
	count         uint32 // of the array: with 0, mapped is how many there are
	_             uint32
}

// fsIocFiemap is FS_IOC_FIEMAP: _IOWR('f', 11, struct fiemap).
const fsIocFiemap = 0xc020660b

// countExtents asks how many extents a file has on its filesystem.
func countExtents(f *os.File) (int, error) {
	m := fiemap{length: ^uint64(0)}
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), fsIocFiemap, uintptr(unsafe.Pointer(&m))); e != 0 {
		return 0, e
	}
	return int(m.mapped), nil
}
