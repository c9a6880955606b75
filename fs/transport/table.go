package transport

import "github.com/hanwen/go-fuse/v2/fuse"

// A pace says where a request may be answered.
type pace uint8

const (
	// quick is answered by the worker that received it.
	quick pace = iota
	// bulky is quick but for its many bytes: where others are there to be answered, they come first.
	bulky
	// slow may take long: others must not have to wait for it, and what one user asks for of it
	// is done a few at a time; see turns.
	slow
	// disk is slow, but mostly because it waits for a disk: more of it is done at a time.
	disk
	// waits may wait for another request of the same mount, or is waited for with a directory locked in the
	// kernel: no bound and no turn may hold it back.
	waits
)

// An operation is what the table knows of one opcode.
type operation struct {
	name    string
	inSize  int // header and argument on the wire, bytes
	outSize int // argument of the reply, bytes
	noReply bool
	pace    pace
	// paceIf, if set, is the pace of this very request, if that is another one.
	paceIf func(d *Dispatcher, r *request) pace
	// cancels says that a request that has not begun may be answered with EINTR: the call is one that
	// programs expect that of.
	cancels bool
	// run calls the filesystem. It may set r.reply, r.outLen and r.quiet.
	run func(d *Dispatcher, r *request) fuse.Status
	// undo takes back what a reply granted that did not arrive; nil if nothing.
	undo func(d *Dispatcher, r *request)
}

// none is the argument of a reply that has none.
type none struct{}

// define makes an operation of a handler that is typed with go-fuse's structs.
func define[In, Out any](name string, run func(*Dispatcher, *request, *In, *Out) fuse.Status) *operation {
	op := &operation{
		name:    name,
		inSize:  sizeOf[In](),
		outSize: sizeOf[Out](),
		run: func(d *Dispatcher, r *request) fuse.Status {
			return run(d, r, argument[In](r), result[Out](r))
		},
	}
	if op.inSize > inHeaderSize+maxArgSize || op.outSize > maxOutSize {
		panic("transport: no room for " + name)
	}
	return op
}

func (op *operation) wireSize(n int) *operation { op.inSize = n; return op }

func (op *operation) withoutReply() *operation { op.noReply = true; return op }

func (op *operation) at(p pace) *operation { op.pace = p; return op }

// when sets a pace for the requests of which is holds.
func (op *operation) when(is func(*Dispatcher, *request) bool, p pace) *operation {
	usual := op.paceIf
	op.paceIf = func(d *Dispatcher, r *request) pace {
		switch {
		case is(d, r):
			return p
		case usual != nil:
			return usual(d, r)
		}
		return op.pace
	}
	return op
}

func (op *operation) interruptible() *operation { op.cancels = true; return op }

func (op *operation) paceOf(d *Dispatcher, r *request) pace {
	if op.paceIf != nil {
		return op.paceIf(d, r)
	}
	return op.pace
}

func (op *operation) undoneBy(undo func(*Dispatcher, *request)) *operation {
	op.undo = undo
	return op
}

// table is indexed by opcode; nil is ENOSYS. INIT is not in it: the handshake
// answers it before anything else.
var table = [opCount]*operation{
	opLookup:   define("LOOKUP", doLookup).undoneBy(undoEntry),
	opMknod:    define("MKNOD", doMknod).undoneBy(undoEntry),
	opMkdir:    define("MKDIR", doMkdir).undoneBy(undoEntry),
	opSymlink:  define("SYMLINK", doSymlink).undoneBy(undoEntry),
	opLink:     define("LINK", doLink).undoneBy(undoEntry),
	opUnlink:   define("UNLINK", doUnlink).when(unlinksMuch, waits),
	opRmdir:    define("RMDIR", doRmdir),
	opRename:   define("RENAME", doRename).when(replacesMuch, waits).wireSize(inHeaderSize + 8),
	opRename2:  define("RENAME2", doRename2).when(replacesMuch, waits),
	opReadlink: define("READLINK", doReadlink),

	opForget:      define("FORGET", doForget).withoutReply(),
	opBatchForget: define("BATCH_FORGET", doBatchForget).withoutReply(),
	opInterrupt:   define("INTERRUPT", doInterrupt).withoutReply(),

	opGetattr: define("GETATTR", doGetattr),
	opSetattr: define("SETATTR", doSetattr).when(resizes, slow),
	opStatx:   define("STATX", doStatx),
	opAccess:  define("ACCESS", doAccess),
	opStatfs:  define("STATFS", doStatfs),

	opCreate:  define("CREATE", doCreate).when(createsOver, waits).undoneBy(undoCreate),
	opTmpfile: define("TMPFILE", doTmpfile).undoneBy(undoCreate),
	opOpen:    define("OPEN", doOpen).when(emptiesMuch, slow).undoneBy(undoOpen),
	opRelease: define("RELEASE", doRelease).when(releasesMuch, slow),
	opFlush:   define("FLUSH", doFlush),
	opFsync:   define("FSYNC", doFsync).at(slow),

	opRead:            define("READ", doRead).when(isBulky, bulky).when(readsDisk, disk),
	opWrite:           define("WRITE", doWrite).when(isBulky, bulky).when(writesDisk, disk),
	opLseek:           define("LSEEK", doLseek).when(seeksFar, slow),
	opFallocate:       define("FALLOCATE", doFallocate).at(slow).interruptible(),
	opCopyFileRange:   define("COPY_FILE_RANGE", doCopyFileRange).at(slow),
	opCopyFileRange64: define("COPY_FILE_RANGE_64", doCopyFileRange64).at(slow),
	opIoctl:           define("IOCTL", doIoctl),

	opOpendir:     define("OPENDIR", doOpendir).undoneBy(undoOpendir),
	opReaddir:     define("READDIR", doReaddir),
	opReaddirplus: define("READDIRPLUS", doReaddirplus).undoneBy(undoReaddirplus),
	opReleasedir:  define("RELEASEDIR", doReleasedir),
	opFsyncdir:    define("FSYNCDIR", doFsyncdir).at(slow),

	opGetxattr:    define("GETXATTR", doGetxattr),
	opListxattr:   define("LISTXATTR", doListxattr),
	opSetxattr:    define("SETXATTR", doSetxattr).wireSize(inHeaderSize + 8),
	opRemovexattr: define("REMOVEXATTR", doRemovexattr),

	opGetlk:  define("GETLK", doGetlk),
	opSetlk:  define("SETLK", doSetlk),
	opSetlkw: define("SETLKW", doSetlkw).at(waits),

	opDestroy: define("DESTROY", doDestroy),
}

func lookupOperation(opcode uint32) *operation {
	if opcode >= opCount {
		return nil
	}
	return table[opcode]
}
