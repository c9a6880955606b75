package fs

import (
	"encoding/binary"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// POSIX ACLs are taken as chmod takes a mode: the owner's bits are applied, and whatever would let somebody else in
// is dropped, so that programs that copy files with their ACLs succeed. With --permissions=posix what is left is the
// mode: of the group no more than the ACL's mask leaves it, so that nobody has more than the ACL gave him.
//
// There are no real ones there: they would take FUSE_POSIX_ACL, with which the kernel checks permissions on private
// mounts too (fs/fuse/inode.c, process_init_reply), at a GETATTR of the directory for each change in it. Without it
// they come as plain attributes, which the kernel neither reads nor keeps (fs/fuse/acl.c), and not at all in a user
// namespace (fuse_no_acl), where they stay EOPNOTSUPP.

const (
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
)

func isACL(name string) bool { return name == aclAccess || name == aclDefault }

// What an ACL looks like as an attribute (include/uapi/linux/posix_acl_xattr.h, posix_acl.h).
const (
	aclVersion    = 2
	aclHeaderSize = 4
	aclEntrySize  = 8

	aclUserObj  = 0x01
	aclUser     = 0x02
	aclGroupObj = 0x04
	aclGroup    = 0x08
	aclMask     = 0x10
	aclOther    = 0x20
)

// aclMode is the mode that has what an ACL gives to its owner, its group and all others, each at most. more says that
// it gives something to others than those. The kernel has checked that it is valid; EINVAL is for who is no kernel.
func aclMode(acl []byte) (mode uint32, more bool, err error) {
	if len(acl) < aclHeaderSize || len(acl)%aclEntrySize != aclHeaderSize || binary.LittleEndian.Uint32(acl) != aclVersion {
		return 0, false, syscall.EINVAL
	}
	mask := uint32(7)
	for e := acl[aclHeaderSize:]; len(e) > 0; e = e[aclEntrySize:] {
		perm := uint32(binary.LittleEndian.Uint16(e[2:])) & 7
		switch binary.LittleEndian.Uint16(e) {
		case aclUserObj:
			mode |= perm << 6
		case aclGroupObj:
			mode |= perm << 3
		case aclOther:
			mode |= perm
		case aclMask:
			mask = perm
		case aclUser, aclGroup:
			more = more || perm != 0
		}
	}
	return mode & (0707 | mask<<3), more && mask != 0, nil
}

// setACL applies what may be applied of an ACL.
func (f *FS) setACL(n *inode, h *fuse.InHeader, name string, acl []byte) error {
	if len(acl) == 0 { // there is none to take away
		return nil
	}
	mode, more, err := aclMode(acl)
	if err != nil {
		return err
	}
	if f.opts.DenyChmod && (more || mode&^0700 != 0) && !f.keepsModes(n) {
		return syscall.EPERM
	}
	if err := f.changeForACL(n, h, name, mode); err != nil {
		return err
	}
	f.uncacheAttributes(n)
	if name == aclAccess && n.isDir() && mode&0100 == 0 {
		f.uncacheEntries(n, h.Pid)
	}
	return nil
}

func (f *FS) changeForACL(n *inode, h *fuse.InHeader, name string, mode uint32) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f.opts.Private && h.Uid != 0 && h.Uid != n.uid {
		return syscall.EPERM
	}
	n.ctime = f.clock.now()
	if name == aclAccess {
		n.mode = f.allowedMode(n, n.mode&^0777|mode)
	}
	return nil
}
