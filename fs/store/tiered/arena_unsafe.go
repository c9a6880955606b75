package tiered

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// lockOnFault is mlock2(2) with MLOCK_ONFAULT.
func lockOnFault(mem []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_MLOCK2, uintptr(unsafe.Pointer(unsafe.SliceData(mem))), uintptr(len(mem)), unix.MLOCK_ONFAULT)
	if errno != 0 {
		return errno
	}
	return nil
}
