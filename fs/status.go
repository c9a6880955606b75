package fs

import (
	"encoding/json"
	"math"
	"os"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Status is what DIR/.vanish/status says, as JSON. Sizes are bytes, 0 as a
// limit is unlimited.
type Status struct {
	Version     string `json:"version"`
	Session     string `json:"session"`
	Permissions string `json:"permissions"`
	Remove      string `json:"remove"`
	Linger      string `json:"linger"`
	Store       string `json:"store"`
	Plane       string `json:"plane"`
	Transport   string `json:"transport"`
	Size        int64  `json:"size"`
	Used        int64  `json:"used"`
	Free        int64  `json:"free"`
	Inodes      int64  `json:"inodes"`
	InodesUsed  int64  `json:"inodes_used"`
	FileSize    int64  `json:"file_size"`
	UID         uint32 `json:"uid"`
	PID         int    `json:"pid"`

	// Of a store that has a disk, see store.Tiers.
	Memory     int64 `json:"memory,omitempty"`
	MemoryUsed int64 `json:"memory_used,omitempty"`
	SpillUsed  int64 `json:"spill_used,omitempty"`
	Spilled    int64 `json:"spilled,omitempty"`
	Fetched    int64 `json:"fetched,omitempty"`

	// Options are those of the mount by name; see Control.
	Options map[string]string `json:"options,omitempty"`
}

func (f *FS) permissions() string {
	if f.opts.Posix {
		return "posix"
	}
	return "owner"
}

func (f *FS) plane() string {
	if f.direct {
		return "direct"
	}
	return "mediated"
}

// describe answers for the caller; dir gives the removal policy.
func (f *FS) describe(dir *inode, h *fuse.InHeader) (Status, error) {
	scope, _ := f.scopeOf(h) // who can create nothing is told of the mount
	u, err := f.use(scope)
	if err != nil {
		return Status{}, err
	}
	session := f.opts.Session
	if scope != nil {
		session = scope.Name
	}
	dir.dir.mu.RLock()
	removal := f.removal(dir.dir.removal)
	dir.dir.mu.RUnlock()
	st := Status{
		Version: f.opts.Version, Session: session, Permissions: f.permissions(),
		Remove: removal.String(), Linger: f.linger().String(),
		Store: f.store.Kind(), Plane: f.plane(), Transport: f.features.Transport,
		Size: u.Size, Used: u.Used, Free: u.Free,
		Inodes: u.Inodes, InodesUsed: u.InodesUsed, FileSize: f.live.fileSize.Load(),
		UID: f.Caller(h), PID: os.Getpid(),
		Memory: u.Tiers.Memory, MemoryUsed: u.Tiers.MemoryUsed, SpillUsed: u.Tiers.Spill, Spilled: u.Tiers.Spilled, Fetched: u.Tiers.Fetched,
	}
	if f.opts.Control != nil {
		st.Options = f.opts.Control.Options()
	}
	return st, nil
}

// capacity is what statfs shows; without a limit it is what there is.
type capacity struct {
	size, free         int64
	inodes, inodesUsed int64
}

// manyInodes stands for no limit in statfs: df shows it, and subtracting what
// is used stays positive.
const manyInodes = math.MaxInt32

func (f *FS) usage(scope *Scope) (capacity, error) {
	u, err := f.use(scope)
	if err != nil {
		return capacity{}, err
	}
	c := capacity{size: u.Size, free: u.Free, inodes: u.Inodes, inodesUsed: u.InodesUsed}
	if c.size == 0 {
		c.size = u.Used + u.Free
	}
	if c.inodes == 0 {
		c.inodes = u.InodesUsed + manyInodes
	}
	return c, nil
}

// statusFiles are the open status files: each handle reads the text as it was
// when it was opened.
type statusFiles struct {
	count ledger // of open ones

	mu    sync.Mutex
	next  uint64                // guarded by mu
	texts map[uint64]statusText // guarded by mu
}

type statusText struct {
	uid  uint32 // who opened it
	text []byte
}

// What can be open in a mount, and to one user: each has a text in the daemon's memory.
const (
	mostStatuses     = 1 << 12
	mostStatusesUser = mostStatuses / 16
)

// openMagic opens a status file. DIRECT_IO, as its size is not known to stat.
func (f *FS) openMagic(in *fuse.OpenIn, out *fuse.OpenOut) error {
	m, err := f.magicByID(in.NodeId)
	if err != nil {
		return err
	}
	if m.kind != magicStatus {
		return syscall.EISDIR
	}
	if in.Flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return syscall.EACCES
	}
	st, err := f.describe(m.dir, &in.InHeader)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	caller := f.Caller(&in.InHeader)
	if !f.statuses.count.take(caller, 1) {
		return syscall.EMFILE
	}
	*out = fuse.OpenOut{Fh: f.statuses.add(statusText{caller, append(text, '\n')}), OpenFlags: fuse.FOPEN_DIRECT_IO}
	return nil
}

func (s *statusFiles) add(t statusText) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.texts == nil {
		s.texts = make(map[uint64]statusText)
	}
	s.next++
	s.texts[s.next] = t
	return s.next
}

func (s *statusFiles) read(fh uint64, buf []byte, off uint64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.texts[fh]
	if !ok {
		return 0, syscall.EBADF
	}
	if off >= uint64(len(t.text)) {
		return 0, nil
	}
	return copy(buf, t.text[off:]), nil
}

func (s *statusFiles) release(fh uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.texts[fh]; ok {
		delete(s.texts, fh)
		s.count.take(t.uid, -1)
	}
}
