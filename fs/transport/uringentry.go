package transport

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// enum fuse_uring_cmd, include/uapi/linux/fuse.h
const (
	uringRegister       = 1
	uringCommitAndFetch = 2
)

// A uringEntry is a place for one request at a time in one of the kernel's
// queues. It belongs to its thread, or to the goroutine it was handed off to.
type uringEntry struct {
	request
	op      *operation
	index   uint64 // in the thread's entries
	queue   *uringQueue
	away    bool        // handed off; see places
	after   *uringEntry // in putOff
	heavy   bool        // much of memory was used
	header  *uringHeader
	memory  []byte // mapped; MaxWrite bytes for a request's data and the reply's
	vectors [2]unix.Iovec
}

// load takes over what the kernel put into header and payload.
//
// The reply goes to the start of the payload, over the request's data. That is
// written last, so only what the filesystem puts in the payload itself must
// keep clear of the data (GETXATTR, IOCTL).
func (e *uringEntry) load() (ok bool) {
	copy(e.inBytes()[:inHeaderSize], e.header.inOut[:])
	h := e.request.header()
	e.op = lookupOperation(h.Opcode)
	e.reset(e.op)
	if e.op == nil {
		e.status = fuse.ENOSYS
		return false
	}
	size := int64(e.header.ent.payloadSize)
	if size > int64(len(e.memory)) || int64(h.Length) != int64(e.op.inSize)+size {
		e.status = malformed
		return false
	}
	copy(e.inBytes()[inHeaderSize:e.op.inSize], e.header.opIn[:])
	e.data = e.memory[:size]
	e.payload = e.memory[(size+7)&^7:]
	return e.cutExtensions()
}

// store puts the reply where the kernel looks for it.
func (e *uringEntry) store() {
	e.pack()
	// The reply may begin where its argument will be.
	n := copy(e.memory[e.outLen:], e.reply)
	copy(e.memory, e.outBytes()[outHeaderSize:outHeaderSize+e.outLen])
	copy(e.header.inOut[:], e.outBytes()[:outHeaderSize])
	e.header.ent.payloadSize = uint32(e.outLen + n)
}

// register asks the kernel for the entry's first request.
func (e *uringEntry) register(r *ring, fd int) {
	s := e.command(r, fd, uringRegister)
	s.address, s.length = locate(&e.vectors), uint32(len(e.vectors))
}

// commit replies and asks for the next request.
func (e *uringEntry) commit(r *ring, fd int) {
	e.command(r, fd, uringCommitAndFetch).command().commit = e.header.ent.commit
}

func (e *uringEntry) command(r *ring, fd int, command uint64) *submission {
	s := r.prepare()
	s.opcode, s.fd, s.offset, s.userData = opcodeUringCmd, int32(fd), command, e.index
	s.command().queue = e.queue.id
	return s
}
