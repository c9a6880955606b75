package load

import (
	"errors"
	"slices"
)

// An operation is something small to do again and again.
type operation struct {
	name  string
	title string
	unit  Unit
	alone bool // not done by several processes
	large bool // about one large file, which several users do not share
	plain bool // not done by systems that stand for options: remove-freed shows enough of a large file there
	// memory is how much the operation takes from the kernel at a time, bytes; nil if that is little.
	memory func(s Sizes) int64
	// prepare makes what the operation needs in the working directory, where
	// an earlier round may have left it, and takes all memory.
	prepare func(s Sizes) (*work, error)
}

var operations = []operation{
	{name: "stat-missing", title: "stat a missing name", unit: Micros, prepare: statMissing},
	{name: "churn", title: "create, write 4 KiB, close, unlink", unit: Micros, prepare: churn},
	{name: "tmpfile", title: "O_TMPFILE, write 4 KiB, close", unit: Micros, prepare: tmpfile},
	{name: "open", title: "open, read 4 KiB, close", unit: Micros, prepare: openReadClose},
	{name: "mkdir", title: "mkdir, rmdir", unit: Micros, prepare: mkdirRmdir},
	{name: "rename", title: "rename", unit: Micros, prepare: rename},
	{name: "read-4k", title: "read 4 KiB at random, opened to read and write", unit: Micros, prepare: randomRead(4096)},
	{name: "read-4k-ro", title: "the same, opened read-only", unit: Micros, alone: true, prepare: randomReadOnly(4096)},
	{name: "write-4k", title: "write 4 KiB at random", unit: Micros, prepare: randomWrite(4096)},
	{name: "read-100", title: "read 100 bytes at random", unit: Micros, prepare: randomRead(100)},
	{name: "write-100", title: "write 100 bytes at random", unit: Micros, prepare: randomWrite(100)},
	{name: "seq-write", title: "write a new file by 1 MiB", unit: Rate, memory: streamMemory, prepare: streamNew},
	{name: "seq-rewrite", title: "write a file again by 1 MiB", unit: Rate, memory: streamMemory, prepare: streamRewrite},
	{name: "seq-read", title: "read a file by 1 MiB", unit: Rate, memory: streamMemory, prepare: streamRead},
	{name: "seq-read-4k", title: "read a file by 4 KiB, cache dropped", unit: Rate, alone: true, memory: streamMemory, prepare: streamReadPages},
	{name: "read-hole", title: "read a new file that is a hole", unit: Rate, alone: true, memory: streamMemory, prepare: readHole},
	{name: "mmap-write", title: "write a file through mmap", unit: Rate, memory: streamMemory, prepare: mmapWrite},
	{name: "mmap-fresh", title: "store to a new file's mapping", unit: Rate, alone: true, memory: streamMemory, prepare: mmapFresh},
	{name: "mmap-sparse", title: "the same, a byte in 256 KiB", unit: Micros, alone: true, memory: streamMemory, prepare: mmapSparse},
	{name: "remove", title: "unlink a large file", unit: Millis, alone: true, large: true, plain: true, memory: removeMemory, prepare: removeLarge},
	{name: "remove-freed", title: "unlink a file until space is free", unit: Millis, alone: true, large: true, memory: removeMemory, prepare: removeFreed},
	{name: "truncate", title: "cut a large file to nothing", unit: Millis, alone: true, large: true, plain: true, memory: removeMemory, prepare: truncateLarge},
	{name: "fallocate", title: "allocate a large file", unit: Millis, alone: true, large: true, plain: true, memory: removeMemory, prepare: allocateLarge},
}

var errShort = errors.New("short read or write")

func findOperation(name string) (operation, bool) {
	for _, list := range [][]operation{operations, beyondOperations, pressureOperations} {
		if i := slices.IndexFunc(list, func(o operation) bool { return o.name == name }); i >= 0 {
			return list[i], true
		}
	}
	return operation{}, false
}
