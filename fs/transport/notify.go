package transport

import (
	"fmt"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Notifications take the inode lock of the directory they speak of
// (fs/fuse/dir.c, fuse_reverse_inval_entry). Somebody who waits for our reply
// may hold it, so they are never sent by a goroutine that answers requests.
//
// For the same reason they are not to be frequent: that wait cannot be killed,
// and a daemon that is killed during it lingers, with its connection, until the
// caller is killed too or the mount is taken away by force (umount -f). Names
// that the daemon itself is going to remove are better given to the kernel
// without a lifetime.

// ExpireEntry makes the kernel look name in the directory parent up again before
// it uses it, also when it is cached as missing. That it is not cached is no error.
// Before Linux 6.2 the kernel drops the name, and with it what is mounted there.
func (s *Server) ExpireEntry(parent uint64, name string) error {
	arg := fuse.NotifyInvalEntryOut{Parent: parent, NameLen: uint32(len(name)), Flags: fuse.EXPIRE_ONLY}
	return notify(s, fuse.NOTIFY_INVAL_ENTRY, &arg, append([]byte(name), 0))
}

// DeleteEntry says that name, which was child, is removed from parent: the kernel
// drops it. Who watches child sees that it is gone; who watches parent sees nothing, as only unlink itself
// tells him (include/linux/fsnotify.h, d_delete_notify).
func (s *Server) DeleteEntry(parent, child uint64, name string) error {
	arg := fuse.NotifyInvalDeleteOut{Parent: parent, Child: child, NameLen: uint32(len(name))}
	return notify(s, fuse.NOTIFY_DELETE, &arg, append([]byte(name), 0))
}

// InvalInode drops the cached attributes of node, and its cached pages from
// byte off on for length bytes (0: to the end); off < 0 is attributes only. After an abort by the kernel (umount -f) it
// works until the device is closed: who has a file open or mapped keeps its pages and the filesystem, and the
// kernel takes notifications of a connection that is over (fs/fuse/dev.c, fuse_dev_do_write).
func (s *Server) InvalInode(node uint64, off, length int64) error {
	if !s.holdToTheEnd() {
		return unix.ENOTCONN
	}
	defer s.use.RUnlock()
	arg := fuse.NotifyInvalInodeOut{Ino: node, Off: off, Length: length}
	return notifyLocked(s, fuse.NOTIFY_INVAL_INODE, &arg, nil)
}

// notify writes a message that answers no request: unique is 0 and the code,
// which go-fuse has with the sign of a reply, is
// where the status of a reply is (fs/fuse/dev.c, fuse_dev_do_write).
func notify[T any](s *Server, code int32, arg *T, payload []byte) error {
	if !s.hold() {
		return unix.ENOTCONN
	}
	defer s.use.RUnlock()
	return notifyLocked(s, code, arg, payload)
}

// notifyLocked is notify. Precondition: use is held shared.
func notifyLocked[T any](s *Server, code int32, arg *T, payload []byte) error {
	var msg struct {
		fuse.OutHeader
		arg T
	}
	msg.arg = *arg
	msg.Status = -code
	msg.Length = uint32(sizeOf[fuse.OutHeader]() + sizeOf[T]() + len(payload))
	errno := writeBlocking(s.fd, structBytes(&msg), payload)
	switch errno {
	case 0, unix.ENOENT,
		unix.ENOTDIR, unix.ENOTEMPTY, unix.EBUSY: // DELETE of what is no longer what it was; it is invalidated all the same
		return nil
	case unix.ENODEV, unix.EPERM, syscall.EBADF:
		return unix.ENOTCONN
	}
	return fmt.Errorf("notify the kernel (%d): %w", code, errno)
}
