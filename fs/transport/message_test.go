package transport

import (
	"bytes"
	"encoding/binary"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// message builds what the kernel would send: header, argument, data.
func message(opcode uint32, node uint64, arg any, data string) []byte {
	var b bytes.Buffer
	h := fuse.InHeader{Opcode: opcode, Unique: 2, NodeId: node}
	put := func(v any) {
		if err := binary.Write(&b, binary.NativeEndian, v); err != nil {
			panic(err)
		}
	}
	put(h)
	if arg != nil {
		put(arg)
	}
	b.WriteString(data)
	msg := b.Bytes()
	binary.NativeEndian.PutUint32(msg, uint32(len(msg)))
	return msg
}

// words is an argument of 32-bit words; 64-bit fields are two of them.
type words []uint32

// messages is one well-formed message of every operation that the hot ones and
// the rest are made of, for a filesystem with the node 1 and its file 2.
var messages = map[string][]byte{
	"LOOKUP":      message(opLookup, 1, nil, "file\x00"),
	"LOOKUP miss": message(opLookup, 1, nil, "missing\x00"),
	"FORGET":      message(opForget, 2, words{0, 0}, ""),
	"BATCH":       message(opBatchForget, 0, words{2, 0, 2, 0, 0, 0, 2, 0, 0, 0}, ""),
	"GETATTR":     message(opGetattr, 2, make(words, 4), ""),
	"SETATTR":     message(opSetattr, 2, words{fuse.FATTR_MODE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0o600, 0, 0, 0, 0}, ""),
	"READLINK":    message(opReadlink, 2, nil, ""),
	"SYMLINK":     message(opSymlink, 1, nil, "link\x00to/where\x00"),
	"MKNOD":       message(opMknod, 1, words{0o100600, 0, 0, 0}, "node\x00"),
	"MKDIR":       message(opMkdir, 1, words{0o700, 0}, "dir\x00"),
	"UNLINK":      message(opUnlink, 1, nil, "missing\x00"),
	"RMDIR":       message(opRmdir, 1, nil, "missing\x00"),
	"RENAME":      message(opRename, 1, words{1, 0}, "file\x00file\x00"),
	"RENAME2":     message(opRename2, 1, words{1, 0, 1, 0}, "file\x00other\x00"),
	"LINK":        message(opLink, 1, words{2, 0}, "hard\x00"),
	"OPEN":        message(opOpen, 2, words{0, 0}, ""),
	"READ":        message(opRead, 2, words{0, 0, 0, 0, 4096, 0, 0, 0, 0, 0}, ""),
	"WRITE":       message(opWrite, 2, words{0, 0, 0, 0, 5, 0, 0, 0, 0, 0}, "12345"),
	"STATFS":      message(opStatfs, 1, nil, ""),
	"RELEASE":     message(opRelease, 2, make(words, 6), ""),
	"FSYNC":       message(opFsync, 2, make(words, 4), ""),
	"SETXATTR":    message(opSetxattr, 2, words{3, 0}, "user.x\x00abc"),
	"GETXATTR":    message(opGetxattr, 2, words{100, 0}, "user.name\x00"),
	"GETXATTR 0":  message(opGetxattr, 2, words{0, 0}, "user.name\x00"),
	"LISTXATTR":   message(opListxattr, 2, words{100, 0}, ""),
	"REMOVEXATTR": message(opRemovexattr, 2, nil, "user.x\x00"),
	"FLUSH":       message(opFlush, 2, make(words, 6), ""),
	"OPENDIR":     message(opOpendir, 1, words{0, 0}, ""),
	"READDIR":     message(opReaddir, 1, words{0, 0, 0, 0, 4096, 0, 0, 0, 0, 0}, ""),
	"READDIRPLUS": message(opReaddirplus, 1, words{0, 0, 0, 0, 4096, 0, 0, 0, 0, 0}, ""),
	"RELEASEDIR":  message(opReleasedir, 1, make(words, 6), ""),
	"FSYNCDIR":    message(opFsyncdir, 1, make(words, 4), ""),
	"GETLK":       message(opGetlk, 2, make(words, 12), ""),
	"SETLK":       message(opSetlk, 2, make(words, 12), ""),
	"SETLKW":      message(opSetlkw, 2, make(words, 12), ""),
	"ACCESS":      message(opAccess, 2, words{4, 0}, ""),
	"CREATE":      message(opCreate, 1, words{0, 0o100600, 0, 0}, "new\x00"),
	"TMPFILE":     message(opTmpfile, 1, words{0, 0o100600, 0, 0}, "/\x00"),
	"FALLOCATE":   message(opFallocate, 2, make(words, 8), ""),
	"LSEEK":       message(opLseek, 2, make(words, 6), ""),
	"COPY":        message(opCopyFileRange, 2, make(words, 14), ""),
	"COPY64":      message(opCopyFileRange64, 2, make(words, 14), ""),
	"IOCTL":       message(opIoctl, 2, words{0, 0, 0, 0, 0, 0, 2, 8}, "in"),
	"STATX":       message(opStatx, 2, make(words, 6), ""),
	"DESTROY":     message(opDestroy, 0, nil, ""),
	"INTERRUPT":   message(opInterrupt, 0, words{99, 0}, ""),
	"POLL":        message(40, 2, make(words, 6), ""),
	"unknown":     message(4000, 2, nil, ""),
}

// replyStatus is the errno of a reply, 0 if it is none.
func replyStatus(reply []byte) fuse.Status {
	if len(reply) < outHeaderSize {
		return 0
	}
	return fuse.Status(-int32(binary.NativeEndian.Uint32(reply[4:])))
}
