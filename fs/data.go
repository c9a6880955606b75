package fs

import (
	"math"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"vanishfs/fs/store"
)

// What is here runs on the mediated plane only, but for truncate, Fallocate,
// Lseek and CopyFileRange, which the kernel sends on both.

// Read fills buf from the content.
func (f *FS) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	n, status := f.ReadBuffer(cancel, in, buf)
	return fuse.ReadResultData(buf[:n]), status
}

// ReadBuffer is Read without the result that go-fuse's interface wants made.
func (f *FS) ReadBuffer(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (int, fuse.Status) {
	if isMagic(in.NodeId) {
		got, err := f.statuses.read(in.Fh, buf, in.Offset)
		return got, f.status("read", err)
	}
	n, err := f.byID(in.NodeId)
	if err != nil {
		return 0, f.status("read", err)
	}
	got, err := f.read(n, in, buf)
	return got, f.status("read", err)
}

func (f *FS) read(n *inode, in *fuse.ReadIn, buf []byte) (int, error) {
	if in.Offset > math.MaxInt64 {
		return 0, syscall.EINVAL
	}
	c, err := n.holdToRead()
	if err != nil {
		return 0, err
	}
	defer f.unhold(n)
	buf = buf[:min(len(buf), int(in.Size))]
	off := int64(in.Offset)
	forget, err := f.prepareRead(n, c, in, int64(len(buf)))
	if err != nil {
		return 0, err
	}
	got, err := readAt(c, buf, off, in.Flags)
	if forget {
		f.uncacher.forget(n.id, extent{off, int64(len(buf))})
	}
	return got, err
}

func readAt(c store.File, buf []byte, off int64, flags uint32) (int, error) {
	if flags&syscall.O_NOATIME != 0 {
		return c.ReadUnseen(buf, off)
	}
	return c.ReadAt(buf, off)
}

// Write writes what fits. The limit on a file's size is enforced here and in
// truncate, fallocate and copy, as every byte passes one of them.
func (f *FS) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	n, err := f.byID(in.NodeId)
	if err != nil {
		return 0, f.status("write", err)
	}
	if in.WriteFlags&fuse.WRITE_CACHE != 0 {
		return uint32(len(data)), f.status("write", f.writeBack(n, int64(in.Offset), data))
	}
	written, err := f.write(n, int64(in.Offset), data)
	return uint32(written), f.status("write", err)
}

// writeBack writes what was stored to a mapping, which is within the file whatever the limit on its size. The kernel
// does not look how much of it was written (fs/fuse/file.c, fuse_writepage_end), and shows the rest as long as it is
// cached. So less than all is an error, and a page without room does not keep those after it from being written.
func (f *FS) writeBack(n *inode, off int64, data []byte) (lost error) {
	c, err := n.hold()
	if err != nil {
		return err
	}
	defer f.unhold(n)
	for len(data) > 0 {
		written, err := f.writeContent(n, c, off, data)
		if err != nil && err != syscall.ENOSPC {
			return err
		}
		if written < len(data) {
			lost = syscall.ENOSPC
			page := store.PageSize - (off+int64(written))%store.PageSize
			written = min(written+int(page), len(data))
		}
		off, data = off+int64(written), data[written:]
	}
	return lost
}

func (f *FS) write(n *inode, off int64, data []byte) (int, error) {
	if off < 0 || off > math.MaxInt64-int64(len(data)) {
		return 0, syscall.EFBIG
	}
	c, err := n.hold()
	if err != nil {
		return 0, err
	}
	defer f.unhold(n)
	room := f.room(off)
	if room == 0 && len(data) > 0 {
		return 0, syscall.EFBIG
	}
	data = data[:min(int64(len(data)), room)]
	return f.writeContent(n, c, off, data)
}

// writeContent writes as much of data as the limits let it.
func (f *FS) writeContent(n *inode, c store.File, off int64, data []byte) (written int, err error) {
	err = f.accounted(n, c, off, int64(len(data)), true, func(short bool, granted int64) error {
		if short {
			var err error
			written, err = (&nearLimit{n, c, granted}).write(off, data)
			return err
		}
		var err error
		written, err = c.WriteAt(data, off)
		return err
	})
	if err == syscall.ENOSPC && written == 0 {
		if more := f.freeing.more(); more != nil {
			<-more
			return f.writeContent(n, c, off, data)
		}
	}
	if written > 0 {
		return written, nil
	}
	return written, err
}

// room is how many bytes at off the limit on a file's size leaves.
func (f *FS) room(off int64) int64 {
	most := f.live.fileSize.Load()
	if most <= 0 {
		return math.MaxInt64 - off
	}
	return max(0, most-off)
}

// truncate sets the size of a regular file.
func (f *FS) truncate(n *inode, size uint64) error {
	switch {
	case n.isDir():
		return syscall.EISDIR
	case n.typ != syscall.S_IFREG:
		return syscall.EINVAL
	case size > math.MaxInt64, f.live.tooLarge(size):
		return syscall.EFBIG
	}
	c, err := n.holdClosed()
	if err != nil {
		return err
	}
	defer f.unhold(n)
	n.changing.Add(1)
	defer n.changing.Add(-1)
	return f.accounted(n, c, 0, 0, false, func(bool, int64) error { return c.Truncate(int64(size)) })
}

// Fallocate reserves space or punches a hole.
func (f *FS) Fallocate(cancel <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	n, err := f.byID(in.NodeId)
	if err != nil {
		return f.status("fallocate", err)
	}
	return f.status("fallocate", f.fallocate(cancel, n, in))
}

func (f *FS) fallocate(cancel <-chan struct{}, n *inode, in *fuse.FallocateIn) error {
	off, length := int64(in.Offset), int64(in.Length)
	if off < 0 || length <= 0 {
		return syscall.EINVAL
	}
	if off > math.MaxInt64-length {
		return syscall.EFBIG
	}
	punch := in.Mode&unix.FALLOC_FL_PUNCH_HOLE != 0
	if !punch && f.room(off) < length {
		return syscall.EFBIG
	}
	c, err := n.hold()
	if err != nil {
		return err
	}
	defer f.unhold(n)
	n.changing.Add(1)
	defer n.changing.Add(-1)
	a := allocation{f, n, c, cancel}
	if punch {
		return a.change(in.Mode, off, length, 0)
	}
	n.noteReserved()
	return a.run(in.Mode, off, length)
}

// Lseek answers SEEK_DATA and SEEK_HOLE.
func (f *FS) Lseek(_ <-chan struct{}, in *fuse.LseekIn, out *fuse.LseekOut) fuse.Status {
	n, err := f.byID(in.NodeId)
	if err != nil {
		return f.status("lseek", err)
	}
	if in.Whence != unix.SEEK_DATA && in.Whence != unix.SEEK_HOLE {
		return fuse.EINVAL
	}
	c, err := n.hold()
	if err != nil {
		return f.status("lseek", err)
	}
	defer f.unhold(n)
	pos, err := c.Seek(int64(in.Offset), int(in.Whence))
	out.Offset = uint64(pos)
	return f.status("lseek", err)
}

// copyMost is how much one CopyFileRange copies at most, bytes, some milliseconds: the caller goes
// on, and others have their turn.
const copyMost = 16 << 20

// CopyFileRange copies between two files without passing the data up.
func (f *FS) CopyFileRange(_ <-chan struct{}, in *fuse.CopyFileRangeIn) (uint32, fuse.Status) {
	copied, err := f.copyRange(in)
	return uint32(copied), f.status("copy_file_range", err)
}

func (f *FS) copyRange(in *fuse.CopyFileRangeIn) (int64, error) {
	src, err := f.byID(in.NodeId)
	if err != nil {
		return 0, err
	}
	dst, err := f.byID(in.NodeIdOut)
	if err != nil {
		return 0, err
	}
	off, dstOff := int64(in.OffIn), int64(in.OffOut)
	if off < 0 || dstOff < 0 || in.Flags != 0 {
		return 0, syscall.EINVAL
	}
	length := min(int64(min(in.Len, copyMost)), f.room(dstOff), math.MaxInt64-off)
	if length == 0 && in.Len > 0 {
		return 0, syscall.EFBIG
	}
	from, err := src.hold()
	if err != nil {
		return 0, err
	}
	defer f.unhold(src)
	to, err := dst.hold()
	if err != nil {
		return 0, err
	}
	defer f.unhold(dst)
	dst.changing.Add(1)
	defer dst.changing.Add(-1)
	var copied int64
	err = f.withRoom(func() error {
		return f.accounted(dst, to, dstOff, length, false, func(bool, int64) error {
			var err error
			copied, err = from.CopyTo(to, off, dstOff, length)
			return err
		})
	})
	switch {
	case copied > 0:
		err = nil
	case err == syscall.ENOSPC && f.opts.AccountBytes:
		// The kernel copies by reads and writes then (fs/fuse/file.c, fuse_copy_file_range), which
		// find out how much fits.
		err = syscall.EXDEV
	}
	return copied, err
}

// writeTarget stores a long symlink's target, charged like content.
// Precondition: n is not visible yet.
func (f *FS) writeTarget(n *inode, c store.File, target string) error {
	w, err := f.writeContent(n, c, 0, []byte(target))
	if err == nil && w < len(target) {
		err = syscall.ENOSPC
	}
	return err
}

// Readlink returns the target of a symlink; of one in the magic path it makes it.
func (f *FS) Readlink(_ <-chan struct{}, h *fuse.InHeader) ([]byte, fuse.Status) {
	if isMagic(h.NodeId) {
		target, err := f.readMagic(h)
		return []byte(target), f.status("readlink", err)
	}
	n, err := f.byID(h.NodeId)
	if err != nil {
		return nil, f.status("readlink", err)
	}
	if n.typ != syscall.S_IFLNK {
		return nil, fuse.EINVAL
	}
	f.accessed(n)
	if n.special != nil {
		return []byte(n.special.target), fuse.OK
	}
	c, err := n.holdClosed()
	if err != nil {
		return nil, f.status("readlink", err)
	}
	defer f.unhold(n)
	target := make([]byte, unix.PathMax)
	got, err := c.ReadAt(target, 0)
	return target[:got], f.status("readlink", err)
}
