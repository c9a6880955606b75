package transport

import (
	"sync/atomic"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// attrCounter counts GETATTR.
type attrCounter struct {
	*memFS
	asked atomic.Int32
}

func (f *attrCounter) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	f.asked.Add(1)
	out.AttrValid = 1000
	return f.memFS.GetAttr(cancel, in, out)
}

// TestNoPrivileges: where no file can have set-id bits, the kernel does not ask for the
// attributes before it gives a file to another owner. Where files can have them, it does.
func TestNoPrivileges(t *testing.T) {
	eachTransport(t, func(t *testing.T, o Options) {
		for _, none := range []bool{false, true} {
			o.NoPrivileges = none
			fsys := &attrCounter{memFS: newMemFS()}
			m := mount(t, fsys, o)
			fd, err := unix.Open(m.dir+"/f", unix.O_CREAT|unix.O_WRONLY, 0o600)
			must(t, err)
			defer unix.Close(fd)
			before := fsys.asked.Load()
			must(t, unix.Fchown(fd, 1, 1))
			if asked := fsys.asked.Load() > before; asked == none {
				t.Errorf("no privileges %t: asked for attributes %t", none, asked)
			}
		}
	})
}
