package fs

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"vanishfs/fs/store"
)

// Stores to a shared mapping beyond the quota are to raise SIGBUS. On the
// direct plane the backing tmpfs does that. On the mediated plane the kernel
// makes a page writable without asking (fs/fuse/file.c, fuse_page_mkwrite) and
// sends the data later, when nobody can be told any more. What it does ask for
// is the page's content, and for a hole that is the moment to reserve: if the
// caller has the file mapped shared and writable, the hole is filled, or the
// read fails with ENOSPC, which the fault turns into SIGBUS.
//
// For several pages at once a failure is no harm: the kernel then reads the one
// that it needs alone (mm/filemap.c, filemap_fault).

// reserveMapped fills the holes in the length bytes that a READ is for, if the caller's fault is to write there.
// The handle that a fault reads through is the mapping's own (mm/filemap.c, filemap_fault): with one that cannot be
// mapped so, nobody fills the holes of a file, at its owner's cost, that he may only read.
//
// Precondition: the content is held; n.mu is not.
func (f *FS) reserveMapped(n *inode, c store.File, in *fuse.ReadIn, length int64) error {
	if !mapsWritable(in.Flags) {
		return nil
	}
	off := int64(in.Offset)
	a, err := c.Attr()
	if err != nil {
		return err
	}
	length = min(length, a.Size-off)
	if length <= 0 {
		return nil
	}
	// A race with truncate is one with any store to the mapping too.
	if c.Missing(off, length) == 0 || !f.mapsShared(in.Pid, n.ino) {
		return nil
	}
	n.noteReserved() // what is written back looks like new until then
	return f.accounted(n, c, off, length, false, func(bool, int64) error {
		return c.Allocate(unix.FALLOC_FL_KEEP_SIZE, off, length)
	})
}

// mapsPatience is how long a look at a process may take. Before Linux 6.17 it
// waits for the process's mmap lock, and a fault that is tried again holds that
// lock while it waits for us (mm/filemap.c, maybe_unlock_mmap_for_io): with a
// writer queued between, both would wait for ever.
const mapsPatience = time.Second

func (f *FS) mapsShared(pid uint32, ino uint64) bool {
	look := f.opts.MapsShared
	if look == nil {
		look = MapsShared
	}
	answer := make(chan bool, 1)
	go func() { answer <- look(pid, ino) }()
	patience := time.NewTimer(mapsPatience)
	defer patience.Stop()
	select {
	case mapped := <-answer:
		return mapped
	case <-patience.C:
		return false
	}
}

// MapsShared says whether a process has inode ino of some filesystem mapped
// shared and writable (proc(5), /proc/pid/maps). Another filesystem's inode of
// that number costs a page that would have been a hole.
func MapsShared(pid uint32, ino uint64) bool {
	maps, err := os.Open("/proc/" + strconv.FormatUint(uint64(pid), 10) + "/maps")
	if err != nil {
		return false
	}
	defer maps.Close()
	want := strconv.FormatUint(ino, 10)
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		// address perms offset dev inode path
		fields := strings.Fields(lines.Text())
		if len(fields) >= 5 && fields[4] == want && len(fields[1]) == 4 && fields[1][1] == 'w' && fields[1][3] == 's' {
			return true
		}
	}
	return false
}

// On the direct plane a store to a mapping moves times and blocks of the backing
// file, and nobody hears of it: the kernel tells its own inode of reads only
// (fs/fuse/passthrough.c, fuse_passthrough_mmap), and the mapping outlives the
// handle. So from the first handle that can be mapped writable until there is neither
// a handle nor a mapping any more, attributes are not cached.
//
// The answer to CREATE may be: a new file has to grow before stores can follow,
// by SETATTR, or by WRITE or FALLOCATE, after which the kernel asks again.

// mapsWritable says whether a handle with these flags can be mapped shared and
// writable (mm/mmap.c, do_mmap).
func mapsWritable(flags uint32) bool { return flags&syscall.O_ACCMODE == syscall.O_RDWR }

// contentAttrLocked looks at the content itself where it may have changed since
// it was last closed, and notes that it cannot any more.
// Precondition: n.mu is held and n.file is not nil.
func (n *inode) contentAttrLocked() (store.Attr, error) {
	if n.mapped && n.opens+n.held == 0 {
		n.mapped = !n.settledLocked()
	}
	return n.file.Attr()
}

// settledLocked says whether the content, which no handle and no request holds, is not mapped past
// the daemon either; in doubt not. Attributes are those of now after it.
// Precondition: n.mu is held and n.file is not nil.
func (n *inode) settledLocked() bool {
	if n.file.Open() != nil {
		return false
	}
	defer n.file.Close()
	return n.file.Settled()
}
