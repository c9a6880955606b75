package transport

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// messageHeader is the room for all of a message but its data, and more: the
// data of a READ's reply begins at a page behind it.
const messageHeader = 4096

// newBuffer maps n bytes outside the Go heap. Pages that no request ever
// reaches cost nothing, so a buffer for the largest request is cheap to have.
func newBuffer(n int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("map a request buffer of %d bytes: %w", n, err)
	}
	return b, nil
}

func freeBuffer(b []byte) {
	if err := unix.Munmap(b); err != nil {
		panic("transport: unmap a request buffer: " + err.Error())
	}
}

// retireBuffer gives the memory back but keeps its addresses reserved for
// good: the kernel may still be on its way to write there, and is to fail
// rather than to write into what is mapped there next.
func retireBuffer(b []byte) {
	if err := unix.Madvise(b, unix.MADV_DONTNEED); err != nil {
		panic("transport: give back a request buffer: " + err.Error())
	}
	if err := unix.Mprotect(b, unix.PROT_NONE); err != nil {
		panic("transport: retire a request buffer: " + err.Error())
	}
}
