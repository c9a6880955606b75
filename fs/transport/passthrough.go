package transport

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// include/uapi/linux/fuse.h
const (
	iocBackingOpen  = 0x4010e501 // FUSE_DEV_IOC_BACKING_OPEN
	iocBackingClose = 0x4004e502 // FUSE_DEV_IOC_BACKING_CLOSE
)

// RegisterBacking makes the open regular file fd known to the kernel as a
// backing file for passthrough. The kernel keeps a reference of its own; id is
// what OPEN and CREATE answer with.
func (s *Server) RegisterBacking(fd int) (id int32, err error) {
	if !s.hold() {
		return 0, unix.ENOTCONN
	}
	defer s.use.RUnlock()
	id, errno := ioctlPointer(s.fd, iocBackingOpen, &fuse.BackingMap{Fd: int32(fd)})
	if errno != 0 {
		return 0, fmt.Errorf("register backing file: %w", errno)
	}
	return id, nil
}

// UnregisterBacking drops the reference of id. Files that are open keep theirs.
func (s *Server) UnregisterBacking(id int32) error {
	if !s.hold() {
		return nil
	}
	defer s.use.RUnlock()
	if _, errno := ioctlPointer(s.fd, iocBackingClose, &id); errno != 0 {
		return fmt.Errorf("unregister backing file: %w", errno)
	}
	return nil
}

// tryPassthrough says whether backing files can be registered: the kernel
// offers passthrough to everybody, but needs CAP_SYS_ADMIN in the initial user
// namespace for this (fs/fuse/backing.c, fuse_backing_open).
func (s *Server) tryPassthrough() bool {
	err := s.registerOne()
	switch {
	case err == nil:
		return true
	case errors.Is(err, syscall.EPERM):
		s.without("passthrough is off: it needs CAP_SYS_ADMIN in the initial user namespace")
	default:
		s.without("passthrough is off: " + err.Error())
	}
	return false
}

func (s *Server) registerOne() error {
	fd, err := unix.MemfdCreate("vanishfs-probe", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memfd_create: %w", err)
	}
	defer unix.Close(fd)
	id, err := s.RegisterBacking(fd)
	if err != nil {
		return err
	}
	return s.UnregisterBacking(id)
}
