package transport

import (
	"sort"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// memFS is a filesystem of plain maps under one lock: just enough to be
// mounted. It counts what the kernel owes it: handles and lookups.
type memFS struct {
	fuse.RawFileSystem

	// blocked gets the name of each open of a file called "block*", which
	// then waits for its cancel channel.
	blocked chan string

	mu      sync.Mutex
	nodes   map[uint64]*memNode // guarded by mu
	last    uint64              // guarded by mu
	handles int                 // guarded by mu: opened and not released
	lookups int                 // guarded by mu: granted and not forgotten
	ended   bool                // guarded by mu
}

type memNode struct {
	id       uint64
	mode     uint32
	data     []byte
	target   string
	children map[string]*memNode
	backing  int32
}

func newMemFS() *memFS {
	f := &memFS{
		RawFileSystem: fuse.NewDefaultRawFileSystem(),
		blocked:       make(chan string, 100),
		nodes:         map[uint64]*memNode{},
	}
	f.add(unix.S_IFDIR | 0o755)
	return f
}

func (f *memFS) add(mode uint32) *memNode {
	f.last++
	n := &memNode{id: f.last, mode: mode, children: map[string]*memNode{}}
	f.nodes[n.id] = n
	return n
}

func (n *memNode) attr(out *fuse.Attr) {
	out.Ino, out.Mode, out.Nlink = n.id, n.mode, 1
	out.Size = uint64(len(n.data))
}

func (f *memFS) entry(n *memNode, out *fuse.EntryOut) fuse.Status {
	out.NodeId = n.id
	out.EntryValid, out.AttrValid = 1000, 1000
	n.attr(&out.Attr)
	f.lookups++
	return fuse.OK
}

func (f *memFS) Lookup(_ <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if name == "panic" {
		panic("as asked")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	dir := f.nodes[in.NodeId]
	if dir == nil || dir.children[name] == nil {
		return fuse.ENOENT
	}
	return f.entry(dir.children[name], out)
}

func (f *memFS) Forget(_, n uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lookups -= int(n)
}

func (f *memFS) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodes[in.NodeId]
	if n == nil {
		return fuse.ENOENT
	}
	n.attr(&out.Attr)
	return fuse.OK
}

func (f *memFS) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodes[in.NodeId]
	if n == nil {
		return fuse.ENOENT
	}
	if size, ok := in.GetSize(); ok && size <= 1<<24 {
		n.data = append(n.data, make([]byte, max(0, int(size)-len(n.data)))...)[:size]
	}
	if mode, ok := in.GetMode(); ok {
		n.mode = n.mode&unix.S_IFMT | mode
	}
	n.attr(&out.Attr)
	return fuse.OK
}

func (f *memFS) make(parent uint64, name string, mode uint32, out *fuse.EntryOut) (*memNode, fuse.Status) {
	dir := f.nodes[parent]
	if dir == nil {
		return nil, fuse.ENOENT
	}
	if dir.children[name] != nil {
		return nil, fuse.Status(unix.EEXIST)
	}
	n := f.add(mode)
	dir.children[string([]byte(name))] = n
	return n, f.entry(n, out)
}

func (f *memFS) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, status := f.make(in.NodeId, name, unix.S_IFDIR|in.Mode, out)
	return status
}

func (f *memFS) Mknod(_ <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, status := f.make(in.NodeId, name, in.Mode, out)
	return status
}

func (f *memFS) Symlink(_ <-chan struct{}, in *fuse.InHeader, target, name string, out *fuse.EntryOut) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, status := f.make(in.NodeId, name, unix.S_IFLNK|0o777, out)
	if n != nil {
		n.target = string([]byte(target))
	}
	return status
}

func (f *memFS) Readlink(_ <-chan struct{}, in *fuse.InHeader) ([]byte, fuse.Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodes[in.NodeId]
	if n == nil {
		return nil, fuse.ENOENT
	}
	return []byte(n.target), fuse.OK
}

func (f *memFS) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, n := f.nodes[in.NodeId], f.nodes[in.Oldnodeid]
	if dir == nil || n == nil {
		return fuse.ENOENT
	}
	dir.children[string([]byte(name))] = n
	return f.entry(n, out)
}

func (f *memFS) Unlink(_ <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir := f.nodes[in.NodeId]
	if dir == nil || dir.children[name] == nil {
		return fuse.ENOENT
	}
	delete(dir.children, name)
	return fuse.OK
}

func (f *memFS) Rmdir(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return f.Unlink(cancel, in, name)
}

func (f *memFS) Rename(_ <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, b := f.nodes[in.NodeId], f.nodes[in.Newdir]
	switch {
	case a == nil || b == nil || a.children[from] == nil:
		return fuse.ENOENT
	case in.Flags != 0:
		return fuse.EINVAL
	}
	b.children[string([]byte(to))] = a.children[from]
	delete(a.children, from)
	return fuse.OK
}

func (f *memFS) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, status := f.make(in.NodeId, name, unix.S_IFREG|in.Mode, &out.EntryOut)
	if status == fuse.OK {
		f.open(n, &out.OpenOut)
	}
	return status
}

func (f *memFS) Tmpfile(_ <-chan struct{}, in *fuse.CreateIn, out *fuse.CreateOut) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.add(unix.S_IFREG | in.Mode)
	f.open(n, &out.OpenOut)
	return f.entry(n, &out.EntryOut)
}

func (f *memFS) open(n *memNode, out *fuse.OpenOut) {
	f.handles++
	out.Fh = n.id
	if n.backing != 0 {
		out.OpenFlags, out.BackingID = fuse.FOPEN_PASSTHROUGH, n.backing
	}
}

func (f *memFS) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	f.mu.Lock()
	n := f.nodes[in.NodeId]
	wait := n != nil && n.target == "wait"
	f.mu.Unlock()
	if wait {
		f.blocked <- "open"
		<-cancel
		return fuse.EINTR
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if n == nil {
		return fuse.ENOENT
	}
	f.open(n, out)
	if in.Flags&unix.O_TRUNC != 0 {
		n.data = nil
	}
	return fuse.OK
}

func (f *memFS) Release(<-chan struct{}, *fuse.ReleaseIn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handles--
}

func (f *memFS) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodes[in.NodeId]
	if n == nil {
		return nil, fuse.ENOENT
	}
	if in.Offset >= uint64(len(n.data)) {
		return fuse.ReadResultData(nil), fuse.OK
	}
	return fuse.ReadResultData(buf[:copy(buf, n.data[in.Offset:])]), fuse.OK
}

func (f *memFS) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodes[in.NodeId]
	if n == nil {
		return 0, fuse.ENOENT
	}
	if in.Offset > 1<<24 {
		return 0, fuse.Status(unix.EFBIG)
	}
	if end := int(in.Offset) + len(data); end > len(n.data) {
		n.data = append(n.data, make([]byte, end-len(n.data))...)
	}
	return uint32(copy(n.data[in.Offset:], data)), fuse.OK
}

func (f *memFS) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.ENOSYS }

func (f *memFS) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	out.Bsize, out.Blocks, out.NameLen = 4096, 1<<20, 255
	return fuse.OK
}

func (f *memFS) GetXAttr(_ <-chan struct{}, _ *fuse.InHeader, name string, dest []byte) (uint32, fuse.Status) {
	switch {
	case name != "user.name":
		return 0, fuse.ENODATA
	case len(dest) < 5:
		return 5, fuse.ERANGE
	}
	return uint32(copy(dest, "value")), fuse.OK
}

func (f *memFS) SetXAttr(_ <-chan struct{}, in *fuse.SetXAttrIn, name string, data []byte) fuse.Status {
	if name != "user.name" || string(data) != "abc" || in.SetXAttrFlags != 0 {
		return fuse.EINVAL
	}
	return fuse.OK
}

func (f *memFS) Ioctl(_ <-chan struct{}, in *fuse.IoctlIn, inbuf []byte, _ *fuse.IoctlOut, outbuf []byte) fuse.Status {
	// The answer is the question, so that both buffers are seen to be apart.
	for i := range outbuf {
		outbuf[i] = 0xff
	}
	copy(outbuf, inbuf)
	return fuse.OK
}

func (f *memFS) names(dir *memNode) []string {
	var names []string
	for name := range dir.children {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (f *memFS) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir := f.nodes[in.NodeId]
	if dir == nil {
		return fuse.ENOENT
	}
	for i, name := range f.names(dir) {
		n := dir.children[name]
		if uint64(i) >= in.Offset && !out.AddDirEntry(fuse.DirEntry{Name: name, Ino: n.id, Mode: n.mode, Off: uint64(i) + 1}) {
			break
		}
	}
	return fuse.OK
}

func (f *memFS) ReadDirPlus(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir := f.nodes[in.NodeId]
	if dir == nil {
		return fuse.ENOENT
	}
	for i, name := range f.names(dir) {
		if uint64(i) < in.Offset {
			continue
		}
		n := dir.children[name]
		entry := out.AddDirLookupEntry(fuse.DirEntry{Name: name, Ino: n.id, Mode: n.mode, Off: uint64(i) + 1})
		if entry == nil {
			break
		}
		f.entry(n, entry)
	}
	return fuse.OK
}

func (f *memFS) OnUnmount() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
}

// owed says how many handles and lookups were not given back.
func (f *memFS) owed() (handles, lookups int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.handles, f.lookups
}

// put makes a file without the kernel.
func (f *memFS) put(name, data string) *memNode {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.add(unix.S_IFREG | 0o644)
	n.data = []byte(data)
	f.nodes[fuse.FUSE_ROOT_ID].children[name] = n
	return n
}
