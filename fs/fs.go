package fs

import (
	"hash/maphash"
	"log/slog"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/cpu"

	"vanishfs/fs/store"
)

// An FS is the tree of one mount. It implements fuse.RawFileSystem; all its
// methods may be called from several goroutines at once.
type FS struct {
	fuse.RawFileSystem // what is not ours answers ENOSYS

	// Constant after Attach.
	opts     Options
	log      *slog.Logger
	store    store.Store
	features Features
	kernel   Kernel
	direct   bool // regular files are opened for passthrough
	onDisk   bool // the store may make a request wait for a disk

	live live

	nameValid uint64 // how long the kernel may remember a name, seconds

	root  *inode
	nodes *table

	_      cpu.CacheLinePad // every request reads what is above; what is below is written
	clock  clock
	limbo  limbo  // inodes that the kernel alone knows
	xattrs ledger // extended attributes, as xattrList.weight

	// renameMu is held while a name moves to another directory; see rename.go. Nobody waits for it: the kernel
	// makes one such move at a time in a mount (fs/namei.c, lock_rename).
	renameMu sync.Mutex

	templates    templates
	reservations reservations
	lingering    expiry[*inode] // files that are removed when they stay closed
	notices      notifier
	uncacher     uncacher
	looks        *Looks
	statuses     statusFiles
	reaper       reaper
	freeing      freer
}

var _ fuse.RawFileSystem = (*FS)(nil)

// New returns an empty tree. Attach comes before the first request.
func New(o Options) (*FS, error) {
	if o.Store == nil || o.Domain == nil {
		return nil, syscall.EINVAL
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if err := o.Domain.ReserveInode(); err != nil { // tmpfs counts its root too
		return nil, err
	}
	f := &FS{
		RawFileSystem: fuse.NewDefaultRawFileSystem(),
		opts:          o,
		log:           o.Logger,
		store:         o.Store,
	}
	f.templates.seed = maphash.MakeSeed()
	f.xattrs.most, f.xattrs.mostUser = xattrMostMount, xattrMostUser
	f.statuses.count.most, f.statuses.count.mostUser = mostStatuses, mostStatusesUser
	f.reservations.init()
	f.lingering.end = f.lingered
	if o.MayMap == nil {
		o.MayMap = MayMap
	}
	f.looks = NewLooks(o.MayMap)
	_, f.onDisk = o.Store.(store.Disk)
	f.nameValid = forever
	if o.Sessions || o.MaxIdle > 0 {
		f.nameValid = brief
	}
	now := f.clock.now()
	f.root = &inode{
		typ: syscall.S_IFDIR, mode: o.RootMode, uid: o.UID, gid: o.GID,
		nlink: 2, times: newTimes(syscall.S_IFDIR, now), ctime: now, btime: now,
		removal: o.Remove,
	}
	f.root.dir = newDirectory(f.root)
	f.root.dir.removal = removeAsMount
	f.SetLive(Live{FileSize: o.FileSize, Remove: o.Remove, Linger: o.Linger, MaxIdle: o.MaxIdle})
	f.nodes = newTable(f.root)
	return f, f.addTrees()
}

// Attach gives the tree the connection that serves it. It is called once,
// before the first request.
func (f *FS) Attach(k Kernel, feat Features) {
	f.kernel, f.features = k, feat
	f.direct = feat.Passthrough && !f.opts.AccountBytes && f.opts.FileSize == 0 && f.opts.Remove != RemoveClose
	if f.direct {
		f.store.UseBacker(k)
	}
	f.notices.start(k, f.log)
	f.uncacher.start(k)
	f.reaper.start(f)
}

// Close ends what runs beside the requests. The store is the caller's.
func (f *FS) Close() {
	f.reaper.stop()
	f.notices.stop()
	f.uncacher.stop()
	f.lingering.close()
	f.reservations.lapses.close()
	f.freeing.Wait()
}

func (f *FS) String() string { return "vanishfs" }

// dirByID returns the directory with that id, or the errors of byID, or ENOTDIR.
func (f *FS) dirByID(id uint64) (*inode, error) {
	n, err := f.byID(id)
	if err == nil && !n.isDir() {
		return nil, syscall.ENOTDIR
	}
	return n, err
}

// byID returns the inode with that id, ESTALE if it is gone, and EPERM for the magic path, which is
// no inode: those who can answer for it look at isMagic first.
func (f *FS) byID(id uint64) (*inode, error) {
	if n := f.nodes.get(id); n != nil {
		return n, nil
	}
	if isMagic(id) {
		return nil, syscall.EPERM
	}
	return nil, syscall.ESTALE
}

// Forget gives lookups back.
func (f *FS) Forget(nodeid, nlookup uint64) {
	n := f.nodes.get(nodeid)
	if n == nil || n == f.root {
		return
	}
	if n.lookups.Add(-int64(nlookup)) < 0 {
		f.log.Error("lookup count below zero", slog.Uint64("node", nodeid))
		n.lookups.Store(0)
	}
	f.dropIfUnused(n)
}

// dropIfUnused takes n out of the table, and gives its content back, once
// neither a name nor a handle nor the kernel holds it.
func (f *FS) dropIfUnused(n *inode) {
	n.mu.Lock()
	if n.nlink > 0 || n.opens+n.held > 0 || n.freed {
		n.mu.Unlock()
		return
	}
	if n.untilForget && n.lookups.Load() > 0 {
		n.mu.Unlock()
		return
	}
	content, bytes := n.file, n.bytes
	n.file, n.bytes = nil, 0
	f.dropXAttrsLocked(n)
	n.freed = n.lookups.Load() <= 0
	freed := n.freed
	uncount, bury := f.limbo.enterLocked(n)
	n.vanished = true
	n.mu.Unlock()

	if content != nil {
		f.free(content)
	}
	if bytes > 0 {
		f.domain(n).ReleaseBytes(bytes)
	}
	if uncount {
		f.domain(n).ReleaseInode()
		n.scope.forget(n)
	}
	if freed {
		f.nodes.remove(n)
	}
	if bury {
		f.bury(n)
	}
}
