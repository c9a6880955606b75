package fs

import (
	"sync"

	"golang.org/x/sys/cpu"
)

// members are the inodes of a Scope, so that its end needs no walk of the tree.
// They are apart by their shards in the table, some of which share a part: there
// may be as many scopes as files.
type members [tableShards / 4]membersPart

type membersPart struct {
	mu    sync.Mutex
	nodes map[*inode]struct{} // guarded by mu
	peak  int                 // the most of nodes since the map was made; guarded by mu
	ended bool                // guarded by mu: no more are taken
	_     cpu.CacheLinePad
}

func (m *members) part(n *inode) *membersPart {
	return &m[n.id%uint64(len(m))]
}

// remember makes n a member, unless the scope has ended.
func (s *Scope) remember(n *inode) bool {
	if s == nil {
		return true
	}
	p := s.members.part(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	if p.nodes == nil {
		p.nodes = make(map[*inode]struct{})
	}
	p.nodes[n] = struct{}{}
	p.peak = max(p.peak, len(p.nodes))
	return true
}

func (s *Scope) forget(n *inode) {
	if s == nil {
		return
	}
	p := s.members.part(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.nodes, n)
	p.nodes, p.peak = shrunk(p.nodes, p.peak)
}

// Files is how many files of any type the scope has.
func (s *Scope) Files() (n int) {
	for i := range s.members {
		p := &s.members[i]
		p.mu.Lock()
		n += len(p.nodes)
		p.mu.Unlock()
	}
	return n
}

// end returns the members, which are all that there will be.
func (s *Scope) end() []*inode {
	var all []*inode
	for i := range s.members {
		all = s.members[i].end(all)
	}
	return all
}

// end appends the members to all.
func (p *membersPart) end(all []*inode) []*inode {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for n := range p.nodes {
		all = append(all, n)
	}
	return all
}

// EndScope removes what processes of the scope created. Open handles keep
// working until they are closed. What was ordered to be kept stays, and a
// directory that holds it or files of others, also when they are gone. What is being created in the scope meanwhile, or
// later, is ESTALE: the kernel makes the request once more (fs/namei.c,
// retry_estale), which then is in the scope that there is by then.
func (f *FS) EndScope(s *Scope) {
	var dirs []*inode
	for _, n := range s.end() {
		switch f.condemn(n) {
		case spared:
		case emptied:
			dirs = append(dirs, n)
		case removed:
			f.removeNames(n)
			f.dropIfUnused(n)
		}
	}
	f.removeDirectories(dirs)
}

// A fate is what the end of its scope does to a file.
type fate uint8

const (
	removed fate = iota
	emptied      // a directory with a name: it goes if it is empty
	spared       // to be kept
)

// condemn decides, and makes sure that what is to be removed gets no new name and no new handle. What has no name
// yet, or was made by O_TMPFILE, gets none, whatever its directory says.
func (f *FS) condemn(n *inode) fate {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case !n.namedLocked():
	case n.removal == RemoveKeep:
		return spared
	case n.isDir():
		return emptied
	}
	n.vanished = true
	return removed
}

// removeDirectories leaves those that are not empty. They empty from below: each that is
// removed is followed by the one it was in, which may have been tried before.
func (f *FS) removeDirectories(dirs []*inode) {
	left := make(map[*inode]struct{}, len(dirs))
	for _, n := range dirs {
		left[n] = struct{}{}
	}
	for _, n := range dirs {
		for _, ours := left[n]; ours && f.removeDirectory(n); _, ours = left[n] {
			delete(left, n)
			above := n.dir.parent.Load()
			f.dropIfUnused(n)
			n = above
		}
	}
}

// removeDirectory says whether n has no name any more. Where it is renamed meanwhile it has another one.
func (f *FS) removeDirectory(n *inode) bool {
	for names := n.names(); len(names) > 0; names = n.names() {
		if !f.removeName(names[0]) {
			return false
		}
	}
	return true
}
