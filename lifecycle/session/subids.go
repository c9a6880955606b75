package session

import (
	"cmp"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// subordinateFile lists the ids that newuidmap lets a user map in his user namespaces (subuid(5)).
const subordinateFile = "/etc/subuid"

// subordinates say whose a user id is. One person has as many as subuid(5) gives him, and may be any of
// them at any time (unshare --map-users=auto, rootless containers), so they have one limit. The file is
// asked, not the namespace of the process: a process that has such an id may be in any.
type subordinates struct {
	path   string                           // constant
	lookup func(name string) (uint32, bool) // constant; the id of a user

	// ranges are in the order of their first ids. They are replaced as a whole.
	ranges atomic.Pointer[[]idRange]

	mu       sync.Mutex
	modified time.Time // of what ranges were read from; guarded by mu
	size     int64     // the same; guarded by mu
}

// idRange is a line of the file. Its owner is looked up when somebody uses such an id: that may ask a server.
type idRange struct {
	first, count uint64
	owner        func() (uint32, bool)
}

func newSubordinates(path string, lookup func(string) (uint32, bool)) *subordinates {
	s := &subordinates{path: path, lookup: lookup}
	s.ranges.Store(new([]idRange))
	s.refresh()
	return s
}

// person is whose limit uid has: its own, or that of the user whose subordinate id it is. Root's
// stay apart: what root starts for others gets them, and root needs none to be anybody.
func (s *subordinates) person(uid uint32) uint32 {
	ranges := *s.ranges.Load()
	i, _ := slices.BinarySearchFunc(ranges, uint64(uid)+1, func(r idRange, id uint64) int { return cmp.Compare(r.first, id) })
	if i == 0 || uint64(uid)-ranges[i-1].first >= ranges[i-1].count {
		return uid
	}
	if owner, ok := ranges[i-1].owner(); ok && owner != 0 {
		return owner
	}
	return uid
}

// refresh reads the file if it has changed.
func (s *subordinates) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.path)
	if err != nil || info.ModTime().Equal(s.modified) && info.Size() == s.size {
		return
	}
	text, err := os.ReadFile(s.path)
	if err != nil {
		return
	}
	s.modified, s.size = info.ModTime(), info.Size()
	ranges := []idRange{}
	for line := range strings.Lines(string(text)) {
		if r, ok := s.parse(line); ok {
			ranges = append(ranges, r)
		}
	}
	slices.SortStableFunc(ranges, func(a, b idRange) int { return cmp.Compare(a.first, b.first) })
	s.ranges.Store(&ranges)
}

func (s *subordinates) parse(line string) (r idRange, ok bool) {
	f := strings.Split(strings.TrimSpace(line), ":")
	if len(f) != 3 || f[0] == "" || f[0][0] == '#' {
		return r, false
	}
	first, err1 := strconv.ParseUint(f[1], 10, 32)
	count, err2 := strconv.ParseUint(f[2], 10, 32)
	owner := sync.OnceValues(func() (uint32, bool) { return s.lookup(f[0]) })
	return idRange{first, count, owner}, err1 == nil && err2 == nil
}

// userID takes a number for itself, as newuidmap does.
func userID(name string) (uint32, bool) {
	if u, err := user.Lookup(name); err == nil {
		name = u.Uid
	}
	id, err := strconv.ParseUint(name, 10, 32)
	return uint32(id), err == nil
}
