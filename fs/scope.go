package fs

import "sync"

// members are the inodes of a Scope, so that its end needs no walk of the tree.
type members struct {
	mu    sync.Mutex
	nodes map[*inode]struct{}
}

func (s *Scope) remember(n *inode) {
	if s == nil {
		return
	}
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	if s.members.nodes == nil {
		s.members.nodes = make(map[*inode]struct{})
	}
	s.members.nodes[n] = struct{}{}
}

func (s *Scope) forget(n *inode) {
	if s == nil {
		return
	}
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	delete(s.members.nodes, n)
}

func (s *Scope) all() []*inode {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	all := make([]*inode, 0, len(s.members.nodes))
	for n := range s.members.nodes {
		all = append(all, n)
	}
	return all
}

// EndScope removes what processes of the scope created. Open handles keep
// working until they are closed. A directory that holds files of others stays
// as long as they do.
func (f *FS) EndScope(s *Scope) {
	all := s.all()
	var dirs []*inode
	for _, n := range all {
		if n.isDir() {
			dirs = append(dirs, n)
			continue
		}
		for _, d := range n.names() {
			f.removeName(d)
		}
		f.dropIfUnused(n)
	}
	// Directories empty from below: repeat until a round removes none.
	for removed := true; removed; {
		removed = false
		left := dirs[:0]
		for _, n := range dirs {
			gone := true
			for _, d := range n.names() {
				gone = f.removeName(d) && gone
			}
			if !gone {
				left = append(left, n)
				continue
			}
			removed = true
			f.dropIfUnused(n)
		}
		dirs = left
	}
}
