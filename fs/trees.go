package fs

import (
	"strconv"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// addTrees makes the directories of Options.Trees.
func (f *FS) addTrees() error {
	owner := &fuse.InHeader{Caller: fuse.Caller{Owner: fuse.Owner{Uid: f.opts.UID, Gid: f.opts.GID}}}
	for i := range f.opts.Trees {
		n, err := f.newInode(maker{typ: syscall.S_IFDIR, mode: f.opts.RootMode}, owner)
		if err != nil {
			return err
		}
		n.top = true
		f.root.dir.mu.Lock()
		f.inherit(f.root, n, false)
		err = place(f.root, strconv.Itoa(i), n, n.btime)
		f.root.dir.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}
