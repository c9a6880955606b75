package process

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// InUserNamespace makes a process start in a user and a mount namespace of its own that has the caller's
// user, as himself, and nobody else. It keeps caps there: the exec of a user other than 0 drops what is
// not ambient.
func InUserNamespace(attr *syscall.SysProcAttr, caps ...uintptr) {
	uid, gid := os.Geteuid(), os.Getegid()
	attr.Cloneflags |= unix.CLONE_NEWUSER | unix.CLONE_NEWNS
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	attr.AmbientCaps = caps
}
