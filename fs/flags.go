package fs

import (
	"encoding/binary"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Flags of inodes, as chattr(1) and lsattr(1) have them. The kernel asks for them by IOCTL (fs/fuse/ioctl.c,
// fuse_fileattr_get), after it has looked who may set which (fs/ioctl.c, vfs_fileattr_set). Of those that tmpfs has
// (mm/shmem.c, shmem_fileattr_set), only "not to be dumped" can be held here: an inode of FUSE's never has S_APPEND,
// S_IMMUTABLE or S_NOATIME in the kernel, which is where they are enforced. So the others are EOPNOTSUPP.

// What the commands carry (include/uapi/linux/fs.h, FS_NODUMP_FL, struct fsxattr).
const (
	fsGetXAttr  = 0x801c581f // FS_IOC_FSGETXATTR
	fsSetXAttr  = 0x401c5820 // FS_IOC_FSSETXATTR
	flagNodump  = 0x40
	flagsSize   = 4
	fsxattrSize = 28
	xflagNodump = 0x80 // FS_XFLAG_NODUMP
)

// Ioctl answers for the flags of an inode and knows nothing else: ENOTTY is what tmpfs says.
func (f *FS) Ioctl(_ <-chan struct{}, in *fuse.IoctlIn, data []byte, out *fuse.IoctlOut, reply []byte) fuse.Status {
	*out = fuse.IoctlOut{}
	var err error
	switch {
	case in.Cmd == unix.FS_IOC_GETFLAGS && len(reply) >= flagsSize:
		err = f.tellFlags(in.NodeId, flagNodump, reply[:flagsSize])
	case in.Cmd == fsGetXAttr && len(reply) >= fsxattrSize:
		err = f.tellFlags(in.NodeId, xflagNodump, reply[:fsxattrSize])
	case in.Cmd == unix.FS_IOC_SETFLAGS && len(data) >= flagsSize:
		err = f.setFlags(&in.InHeader, flagNodump, data[:flagsSize])
	case in.Cmd == fsSetXAttr && len(data) >= fsxattrSize:
		err = f.setFlags(&in.InHeader, xflagNodump, data[:fsxattrSize])
	default:
		err = syscall.ENOTTY
	}
	return f.status("ioctl", err)
}

// tellFlags fills reply, whose first word is the flags.
func (f *FS) tellFlags(id uint64, nodump uint32, reply []byte) error {
	clear(reply)
	if isMagic(id) {
		return nil
	}
	n, err := f.byID(id)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.nodump {
		binary.NativeEndian.PutUint32(reply, nodump)
	}
	return nil
}

// setFlags is the inverse of tellFlags.
func (f *FS) setFlags(h *fuse.InHeader, nodump uint32, data []byte) error {
	n, err := f.byID(h.NodeId)
	if err != nil {
		return err
	}
	flags := binary.NativeEndian.Uint32(data)
	for _, more := range data[flagsSize:] {
		if more != 0 { // a project, the size of an extent
			return syscall.EOPNOTSUPP
		}
	}
	if flags&^nodump != 0 {
		return syscall.EOPNOTSUPP
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if f.opts.Private && h.Uid != 0 && h.Uid != n.uid {
		return syscall.EPERM
	}
	n.nodump = flags&nodump != 0
	n.ctime = f.clock.now()
	return nil
}
