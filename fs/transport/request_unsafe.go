package transport

import (
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
)

func (r *request) inBytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&r.in)), inHeaderSize+maxArgSize)
}

func (r *request) outBytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&r.out)), outHeaderSize+maxOutSize)
}

func (r *request) header() *fuse.InHeader { return argument[fuse.InHeader](r) }

func (r *request) outHeader() *fuse.OutHeader {
	return (*fuse.OutHeader)(unsafe.Pointer(&r.out))
}

// argument is the request as one of go-fuse's In structs, all of which begin
// with the header and fit in (define checks it).
func argument[In any](r *request) *In { return (*In)(unsafe.Pointer(&r.in)) }

// result is where the reply's argument goes.
func result[Out any](r *request) *Out {
	return (*Out)(unsafe.Pointer(&r.out[outHeaderSize/8]))
}

func sizeOf[T any]() int {
	var t T
	return int(unsafe.Sizeof(t))
}

// stringOver is b as a string, without a copy: it changes when b does.
func stringOver(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// sameMemory says whether a and b begin at the same byte.
func sameMemory(a, b []byte) bool {
	return len(a) > 0 && len(b) > 0 && unsafe.SliceData(a) == unsafe.SliceData(b)
}

// forgetOne is struct fuse_forget_one.
type forgetOne struct{ node, nlookup uint64 }

// forgets is data as the array that follows the argument of BATCH_FORGET.
func forgets(data []byte) []forgetOne {
	n := len(data) / sizeOf[forgetOne]()
	return unsafe.Slice((*forgetOne)(unsafe.Pointer(unsafe.SliceData(data))), n)
}
