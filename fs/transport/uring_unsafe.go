package transport

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func ringSetup(entries uint32, p *ringParams) (int, syscall.Errno) {
	fd, _, errno := syscall.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(p)), 0)
	return int(fd), errno
}

// ringEnter may sleep when it waits, and take requests over when it asks for them; otherwise it only hands over
// replies.
func ringEnter(fd int, submit, wait, flags uint32) syscall.Errno {
	if flags == 0 {
		_, _, errno := syscall.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(fd), uintptr(submit), 0, 0, 0, 0)
		return errno
	}
	_, _, errno := syscall.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(fd), uintptr(submit), uintptr(wait), uintptr(flags), 0, 0)
	return errno
}

// ringEnterFor waits so long at most; ETIME says that it was so long, unless something was submitted.
func ringEnterFor(fd int, submit, wait uint32, most *unix.Timespec) syscall.Errno {
	// struct io_uring_getevents_arg
	arg := struct {
		_, _ uint64
		most *unix.Timespec
	}{most: most}
	_, _, errno := syscall.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(fd), uintptr(submit), uintptr(wait),
		enterGetEvents|enterExtArg, uintptr(unsafe.Pointer(&arg)), unsafe.Sizeof(arg))
	return errno
}

// at is the T at a byte offset of mapped memory.
func at[T any](b []byte, offset uint32) *T {
	return (*T)(unsafe.Pointer(&b[offset : int(offset)+sizeOf[T]()][0]))
}

// layout finds the parts of the mapped rings.
func (r *ring) layout(p *ringParams) {
	r.sqHead, r.sqTail = at[uint32](r.rings, p.sq.head), at[uint32](r.rings, p.sq.tail)
	r.cqHead, r.cqTail = at[uint32](r.rings, p.cq.head), at[uint32](r.rings, p.cq.tail)
	r.sqMask, r.cqMask = *at[uint32](r.rings, p.sq.mask), *at[uint32](r.rings, p.cq.mask)
	r.sqes = unsafe.Slice(at[submission](r.sqeMemory, 0), p.sqEntries)
	r.cqes = unsafe.Slice(at[completion](r.rings, p.cq.cqes), p.cqEntries)
	// Position i of the ring is always submission i.
	index := unsafe.Slice(at[uint32](r.rings, p.sq.array), p.sqEntries)
	for i := range index {
		index[i] = uint32(i)
	}
}

// uringHeader is struct fuse_uring_req_header (include/uapi/linux/fuse.h): the
// kernel writes the request's header and argument, we the reply's header.
type uringHeader struct {
	inOut [128]byte
	opIn  [128]byte
	ent   struct {
		flags, commit uint64
		payloadSize   uint32
		_             uint32
		_             uint64
	}
}

// uringCommand is struct fuse_uring_cmd_req, in a submission's command area.
type uringCommand struct {
	flags, commit uint64
	queue         uint16
	_             [6]byte
}

func (s *submission) command() *uringCommand {
	return (*uringCommand)(unsafe.Pointer(&s.commandArea))
}

// locate is the address the kernel finds p at; p must be kept alive and must
// not be on a stack.
func locate[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

func vector(b []byte) unix.Iovec {
	return unix.Iovec{Base: unsafe.SliceData(b), Len: uint64(len(b))}
}
