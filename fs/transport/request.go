package transport

import (
	"bytes"
	"sync/atomic"

	"github.com/hanwen/go-fuse/v2/fuse"
)

const (
	inHeaderSize  = 40 // struct fuse_in_header, bytes
	outHeaderSize = 16 // struct fuse_out_header, bytes
	maxArgSize    = 128
	maxOutSize    = 288 // struct fuse_statx_out, the largest

	// malformed answers a message the kernel would never send.
	malformed = fuse.EIO
)

// A request is one message on its way through the table, and then its reply.
// It belongs to one worker, which uses it again for the next message.
//
// INVARIANT: in holds a whole header, and of the argument as many bytes as the
// operation has; out is zero beyond the header up to the operation's outSize
// when the handler is called.
type request struct {
	in  [(inHeaderSize + maxArgSize) / 8]uint64  // header and argument, as in go-fuse's In structs
	out [(outHeaderSize + maxOutSize) / 8]uint64 // reply header and argument

	data    []byte // what follows the argument: names, data of WRITE
	payload []byte // room for the payload of a reply
	reply   []byte // the payload of the reply; in payload or in memory of the filesystem
	outLen  int    // bytes of the reply's argument
	status  fuse.Status
	quiet   bool // there is no reply

	dents  fuse.DirEntryList // of READDIR, over payload
	cancel chan struct{}     // closed by an interrupt; replaced by the worker afterwards
	// running is the unique number of the request while its handler may run,
	// with interruptedBit once cancel was closed; 0 otherwise.
	running atomic.Uint64

	// turn is its place in the lines of turns, if it is slow. Both turns and cancels, which says that
	// it may be answered with EINTR while it waits, are set before running is.
	turn    turn
	turns   *turns
	cancels bool
}

// load takes over the message msg, as read from /dev/fuse, and finds its
// operation. With ok false there is nothing to call: either the reply is ready
// (see pack) or, where not even a header came, quiet is set.
func (r *request) load(msg []byte) (op *operation, ok bool) {
	if len(msg) < inHeaderSize {
		r.reset(nil)
		r.quiet = true
		return nil, false
	}
	copy(r.inBytes()[:inHeaderSize], msg)
	h := r.header()
	op = lookupOperation(h.Opcode)
	if op == nil {
		r.reset(nil)
		r.status = fuse.ENOSYS
		return nil, false
	}
	r.reset(op)
	if int64(h.Length) != int64(len(msg)) || len(msg) < op.inSize {
		r.status = malformed
		return op, false
	}
	copy(r.inBytes()[inHeaderSize:op.inSize], msg[inHeaderSize:])
	r.data = msg[op.inSize:]
	return op, r.cutExtensions()
}

// reset makes the request ready for a call of op (nil: for a bare status).
func (r *request) reset(op *operation) {
	r.data, r.reply = nil, nil
	r.status, r.quiet, r.outLen = fuse.OK, false, 0
	if op == nil {
		return
	}
	r.quiet = op.noReply
	r.outLen = op.outSize
	clear(r.out[outHeaderSize/8 : (outHeaderSize+op.outSize+7)/8])
}

// cutExtensions drops the extensions that follow the data: supplementary
// groups and security contexts, which the handshake never asks for.
func (r *request) cutExtensions() bool {
	n := int(r.header().TotalExtlen) * 8
	if n == 0 {
		return true
	}
	if n > len(r.data) {
		r.status = malformed
		return false
	}
	r.data = r.data[:len(r.data)-n]
	return true
}

// pack writes the reply's header. Errors carry neither argument nor payload.
func (r *request) pack() {
	// The kernel refuses a status outside this range and leaves its caller
	// waiting (fs/fuse/dev.c, fuse_dev_do_write).
	if r.status < 0 || r.status >= 512 {
		r.status = fuse.EIO
	}
	if r.status != fuse.OK {
		r.outLen, r.reply = 0, nil
	}
	h := r.outHeader()
	h.Length = uint32(outHeaderSize + r.outLen + len(r.reply))
	h.Status = -int32(r.status)
	h.Unique = r.header().Unique
}

// fixed is the packed reply without its payload.
func (r *request) fixed() []byte { return r.outBytes()[:outHeaderSize+r.outLen] }

// name is the one name that is all of the data. It is only valid during the
// call, as it lies in the request's memory.
func (r *request) name() (string, bool) {
	name, rest, ok := cutString(r.data)
	return name, ok && len(rest) == 0 && validName(name)
}

// cutString splits data after its first NUL.
func cutString(data []byte) (s string, rest []byte, ok bool) {
	i := bytes.IndexByte(data, 0)
	if i < 0 {
		return "", nil, false
	}
	return stringOver(data[:i]), data[i+1:], true
}

// validName says whether name can be a directory entry. The kernel resolves
// dots and slashes itself (fs/namei.c, link_path_walk; LOOKUP of dots is for
// NFS export, which is not negotiated).
func validName(name string) bool {
	switch name {
	case "", ".", "..":
		return false
	}
	for i := 0; i < len(name); i++ {
		if name[i] == '/' {
			return false
		}
	}
	return true
}

// room is payload cut to the n bytes that a request asks to be answered with
// at most; false if it asks for more than was negotiated.
func (r *request) room(n uint32) ([]byte, bool) {
	if uint64(n) > uint64(len(r.payload)) {
		return nil, false
	}
	return r.payload[:n:n], true
}
