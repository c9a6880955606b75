package tiered

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cachedPages is how many of a file's pages are in the kernel's page cache (mincore(2)).
func cachedPages(t *testing.T, f *os.File, size int) (n int) {
	mem, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mem)
	vec := make([]byte, size/pageSize)
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mem[0])), uintptr(size), uintptr(unsafe.Pointer(&vec[0]))); errno != 0 {
		t.Fatal(errno)
	}
	for _, v := range vec {
		n += int(v & 1)
	}
	return n
}
