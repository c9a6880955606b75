package transport

import (
	"encoding/binary"
	"slices"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// pruneBatch is how many nodes the kernel is told of at a time.
const pruneBatch = 4096

// Prune makes the kernel forget those of the nodes that nothing refers to (FUSE_NOTIFY_PRUNE, Linux 6.18;
// fs/fuse/inode.c, fuse_try_prune_one_inode), in this order. What is used or mounted there stays as it is, and no
// directory's lock is taken. Where there are changes to write back it waits until they are served.
// EINVAL where the kernel does not know it.
func (s *Server) Prune(nodes []uint64) error {
	for batch := range slices.Chunk(nodes, pruneBatch) {
		if err := s.prune(batch); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) prune(nodes []uint64) error {
	if !s.hold() {
		return unix.ENOTCONN
	}
	defer s.use.RUnlock()
	ids := make([]byte, 0, 8*len(nodes))
	for _, id := range nodes {
		ids = binary.NativeEndian.AppendUint64(ids, id)
	}
	var msg struct {
		fuse.OutHeader
		fuse.NotifyPruneOut
	}
	msg.Count = uint32(len(nodes))
	msg.Status = -fuse.NOTIFY_PRUNE
	msg.Length = uint32(len(structBytes(&msg)) + len(ids))
	if errno := writeBlocking(s.fd, structBytes(&msg), ids); errno != 0 {
		return errno
	}
	return nil
}
