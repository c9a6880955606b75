package fs

import (
	"sort"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Extended attributes of ours are orders, not data: they can be set whatever the mount's options.
const (
	xattrOurs = "user.vanish."

	// RemoveAttr overrides the removal policy of what it is set on: close, session or keep. By its owner and by root.
	RemoveAttr = xattrOurs + "remove"
	// OptionsAttr changes options of the mount, on a top directory, see Control. So does user.vanish.NAME one alone.
	OptionsAttr = xattrOurs + "options"
	// RootOptionsAttr is OptionsAttr for root of the machine, also where this process cannot look at him: who comes so far
	// has CAP_SYS_ADMIN in the initial user namespace (fs/xattr.c, xattr_permission).
	RootOptionsAttr = "trusted.vanish.options"
	// RefreshAttr makes the kernel look the path up that it is set on, as far as it is in the mount,
	// whatever it remembers: by ESTALE, for which it does so and asks once more (fs/namei.c, retry_estale).
	// It takes no lock, unlike a notification, and detaches nothing.
	RefreshAttr = xattrOurs + "refresh"
)

// Limits of what --xattr stores, bytes.
const (
	xattrMostInode = 64 << 10 // in one inode, names included
	xattrMostMount = 64 << 20 // in a mount, as xattrList.weight: it is the daemon's memory
	xattrMostUser  = xattrMostMount / 4
)

// SetXAttr gives an order or stores an attribute.
func (f *FS) SetXAttr(_ <-chan struct{}, in *fuse.SetXAttrIn, name string, value []byte) fuse.Status {
	n, err := f.byID(in.NodeId)
	if err != nil {
		return f.status("setxattr", err)
	}
	if strings.HasPrefix(name, xattrOurs) {
		return f.status("setxattr", f.order(n, &in.InHeader, name, strings.TrimRight(string(value), "\x00\n")))
	}
	if name == RootOptionsAttr {
		isRoot := in.Uid == 0 || f.opts.IDMapped // which the kernel does not say; that he may, it has looked
		return f.status("setxattr", f.orderOptions(n, isRoot, strings.TrimRight(string(value), "\x00\n")))
	}
	if isACL(name) {
		return f.status("setxattr", f.setACL(n, &in.InHeader, name, value))
	}
	if err := f.storesXAttr(n, name); err != nil {
		return f.status("setxattr", err)
	}
	if err := f.mayWriteXAttr(n, &in.InHeader); err != nil {
		return f.status("setxattr", err)
	}
	return f.status("setxattr", f.setXAttr(n, in.Flags, name, value))
}

// storesXAttr says whether an attribute of that name can be stored with n.
// POSIX ACLs cannot: they would let others in.
func (f *FS) storesXAttr(n *inode, name string) error {
	if !f.opts.XAttr {
		return syscall.EOPNOTSUPP
	}
	switch {
	case name == "user." || name == "trusted.":
		return syscall.EINVAL
	case strings.HasPrefix(name, "user."):
		if n.typ != syscall.S_IFREG && n.typ != syscall.S_IFDIR {
			return syscall.EPERM
		}
		return nil
	case strings.HasPrefix(name, "trusted."):
		return nil // the kernel lets only root this far (fs/xattr.c, xattr_permission)
	}
	return syscall.EOPNOTSUPP
}

func (f *FS) setXAttr(n *inode, flags uint32, name string, value []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	x := n.extraLocked()
	old, exists := x.xattrs.find(name)
	switch {
	case exists && flags&unix.XATTR_CREATE != 0:
		return syscall.EEXIST
	case !exists && flags&unix.XATTR_REPLACE != 0:
		return syscall.ENODATA
	}
	if x.xattrs.payload()-len(old.name)-len(old.value)+len(name)+len(value) > xattrMostInode {
		return syscall.ENOSPC
	}
	if !f.replaceXAttrsLocked(n, x.xattrs.with(old, name, value)) {
		return syscall.ENOSPC
	}
	n.ctime = f.clock.now()
	return nil
}

// replaceXAttrsLocked counts them for the owner that the file had at its first attribute. It says whether there
// was room; to have fewer there always is.
// Precondition: n.mu is held, and n.ext is set.
func (f *FS) replaceXAttrsLocked(n *inode, list xattrList) bool {
	x := n.ext
	if len(x.xattrs) == 0 {
		x.xattrsOf = n.uid
	}
	if !f.xattrs.take(x.xattrsOf, list.weight()-x.xattrs.weight()) {
		return false
	}
	x.xattrs = list
	return true
}

// dropXAttrsLocked gives back what the attributes of a removed file took.
// Precondition: n.mu is held.
func (f *FS) dropXAttrsLocked(n *inode) {
	if n.ext != nil && n.ext.xattrs != nil {
		f.replaceXAttrsLocked(n, nil)
	}
}

// GetXAttr reads an attribute. Without --xattr ENOSYS stops the kernel from
// asking for security.capability at the first write to each inode
// (fs/fuse/xattr.c, fuse_getxattr).
func (f *FS) GetXAttr(_ <-chan struct{}, h *fuse.InHeader, name string, dest []byte) (uint32, fuse.Status) {
	if !f.opts.XAttr {
		return 0, fuse.ENOSYS
	}
	if isMagic(h.NodeId) {
		return 0, fuse.ENODATA
	}
	n, err := f.byID(h.NodeId)
	if err != nil {
		return 0, f.status("getxattr", err)
	}
	if name == RemoveAttr {
		n.mu.Lock()
		value := n.removal.String()
		n.mu.Unlock()
		return giveXAttr([]byte(value), dest)
	}
	if err := f.storesXAttr(n, name); err != nil {
		return 0, f.status("getxattr", err)
	}
	if err := f.mayReadXAttr(n, h); err != nil {
		return 0, f.status("getxattr", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ext == nil {
		return 0, fuse.ENODATA
	}
	a, ok := n.ext.xattrs.find(name)
	if !ok {
		return 0, fuse.ENODATA
	}
	return giveXAttr(a.value, dest)
}

// giveXAttr copies a value; an empty dest asks for the size.
func giveXAttr(value, dest []byte) (uint32, fuse.Status) {
	if len(dest) < len(value) {
		return uint32(len(value)), fuse.ERANGE
	}
	return uint32(copy(dest, value)), fuse.OK
}

// ListXAttr lists names.
func (f *FS) ListXAttr(_ <-chan struct{}, h *fuse.InHeader, dest []byte) (uint32, fuse.Status) {
	if !f.opts.XAttr {
		return 0, fuse.ENOSYS
	}
	if isMagic(h.NodeId) {
		return 0, fuse.OK
	}
	n, err := f.byID(h.NodeId)
	if err != nil {
		return 0, f.status("listxattr", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ext == nil {
		return 0, fuse.OK
	}
	var names []string
	for a := range n.ext.xattrs.all() {
		if name := string(a.name); !strings.HasPrefix(name, "trusted.") || f.Caller(h) == 0 {
			names = append(names, name+"\x00")
		}
	}
	sort.Strings(names)
	return giveXAttr([]byte(strings.Join(names, "")), dest)
}

// RemoveXAttr removes an attribute; removing the policy of a file goes back to
// the mount's.
func (f *FS) RemoveXAttr(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	n, err := f.byID(h.NodeId)
	if err != nil {
		return f.status("removexattr", err)
	}
	if name == RemoveAttr {
		return f.status("removexattr", f.orderRemoval(n, h, removeAsMount))
	}
	if isACL(name) {
		return f.status("removexattr", f.setACL(n, h, name, nil))
	}
	if err := f.storesXAttr(n, name); err != nil {
		return f.status("removexattr", err)
	}
	if err := f.mayWriteXAttr(n, h); err != nil {
		return f.status("removexattr", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ext == nil {
		return fuse.ENODATA
	}
	a, ok := n.ext.xattrs.find(name)
	if !ok {
		return fuse.ENODATA
	}
	f.replaceXAttrsLocked(n, n.ext.xattrs.without(a))
	n.ctime = f.clock.now()
	return fuse.OK
}

// order carries out an attribute of ours.
func (f *FS) order(n *inode, h *fuse.InHeader, name, value string) error {
	switch name {
	case RemoveAttr:
		r, ok := ParseRemoval(value)
		if !ok {
			return syscall.EINVAL
		}
		return f.orderRemoval(n, h, r)
	case RefreshAttr:
		return syscall.ESTALE
	case OptionsAttr:
		return f.orderOptions(n, f.mayRemount(h), value)
	}
	return f.orderOptions(n, f.mayRemount(h), strings.TrimPrefix(name, xattrOurs)+"="+value)
}

// orderRemoval is for the owner, and for root as far as the kernel lets it write (fs/xattr.c, xattr_permission). Where
// the caller is not told, that is who may write if nobody else may: the kernel takes attributes of a sticky directory
// from nobody else either.
func (f *FS) orderRemoval(n *inode, h *fuse.InHeader, r Removal) error {
	n.mu.Lock()
	owner, mode := n.uid, n.mode
	n.mu.Unlock()
	isOwner := h.Uid == 0 || h.Uid == owner
	if f.opts.IDMapped {
		isOwner = mode&0022 == 0 || n.isDir() && mode&syscall.S_ISVTX != 0
	}
	if !isOwner {
		return syscall.EPERM
	}
	if n.typ != syscall.S_IFREG && !n.isDir() {
		return syscall.EINVAL
	}
	f.setRemoval(n, r)
	return nil
}

// orderOptions is for who may; whose the top directory is does not matter.
func (f *FS) orderOptions(n *inode, may bool, list string) error {
	switch {
	case !may:
		return syscall.EPERM
	case n != f.root && !n.top:
		return syscall.EINVAL
	case f.opts.Control == nil:
		return syscall.EOPNOTSUPP
	}
	return f.opts.Control.Change(list)
}
