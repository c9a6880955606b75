package transport

import (
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// teller knows every caller as one user.
type teller struct {
	fuse.RawFileSystem
	user uint32
}

func (t teller) Caller(*fuse.InHeader) uint32 { return t.user }

// TestTeller: requests wait in the line of the user whom the filesystem says they are of, where it knows.
func TestTeller(t *testing.T) {
	plain, telling := NewDispatcher(fuse.NewDefaultRawFileSystem()), NewDispatcher(teller{fuse.NewDefaultRawFileSystem(), 7})
	for _, c := range []struct {
		d        *Dispatcher
		pid, uid uint32
		want     uint32
	}{{plain, 1, 5, 5}, {plain, 0, 5, nobody}, {telling, 1, nobody, 7}, {telling, 0, nobody, nobody}} {
		h := &fuse.InHeader{Caller: fuse.Caller{Owner: fuse.Owner{Uid: c.uid}, Pid: c.pid}}
		if got := c.d.userOf(h); got != c.want {
			t.Errorf("pid %d, uid %d: in the line of %d, want %d", c.pid, c.uid, got, c.want)
		}
	}
}
