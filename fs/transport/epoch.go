package transport

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// ExpireEntries makes the kernel look every cached name up again before it
// uses it (FUSE_NOTIFY_INC_EPOCH, Linux 6.17). The kernel takes no lock for it
// (fs/fuse/dev.c, fuse_notify_inc_epoch), so it may be called while serving. What is mounted inside is detached
// when the kernel meets such a name (fs/dcache.c, d_invalidate).
// EINVAL where the kernel does not know it.
func (s *Server) ExpireEntries() error {
	if !s.hold() {
		return unix.ENOTCONN
	}
	defer s.use.RUnlock()
	msg := fuse.OutHeader{Length: uint32(sizeOf[fuse.OutHeader]()), Status: -fuse.NOTIFY_INC_EPOCH}
	if errno := writeBlocking(s.fd, structBytes(&msg), nil); errno != 0 {
		return errno
	}
	return nil
}
