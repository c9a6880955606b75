package fs

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"vanishfs/fs/store"
	"vanishfs/quota"
)

// A stuckStore is a store on a disk whose files' writes wait until they are let go.
type stuckStore struct {
	store.Store
	arrived, letGo chan struct{}
}

func (s stuckStore) Tiers() store.Tiers { return store.Tiers{} }

func (s stuckStore) New() (store.File, error) {
	f, err := s.Store.New()
	return stuckFile{f, s}, err
}

type stuckFile struct {
	store.File
	s stuckStore
}

func (f stuckFile) MayWait(off, n int64, write bool) bool { return false }

func (f stuckFile) WriteAt(p []byte, off int64) (int, error) {
	f.s.arrived <- struct{}{}
	<-f.s.letGo
	return f.File.WriteAt(p, off)
}

// TestStuckWrite: while a write waits for the disk, nobody waits to look at the file, and what would have to wait
// for the write is known to. Also where bytes are counted, by one change of a file at a time.
func TestStuckWrite(t *testing.T) {
	for name, accounts := range map[string]bool{"store counts": false, "tree counts": true} {
		t.Run(name, func(t *testing.T) {
			s, err := store.NewMemory(store.MemoryOptions{Size: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			stuck := stuckStore{s, make(chan struct{}), make(chan struct{})}
			f := newTree(t, func(o *Options) {
				o.Store, o.AccountBytes = stuck, accounts
				o.Domain = quota.New(nil, "mount", quota.Limits{Bytes: 1 << 20})
			})
			u := root(f)
			node, err := u.create(1, "a")
			if err != nil {
				t.Fatal(err)
			}
			var writing sync.WaitGroup
			writing.Go(func() { u.write(node, "slow") })
			<-stuck.arrived

			looked := make(chan struct{})
			go func() {
				defer close(looked)
				f.GetAttr(nil, &fuse.GetAttrIn{InHeader: *u.at(node)}, new(fuse.AttrOut))
				u.lookup(1, "a")
				u.open(node, syscall.O_RDONLY)
				in := &fuse.ReadIn{InHeader: *u.at(node), Size: 1}
				if f.SlowRead(in) != accounts || f.SlowWrite(&fuse.WriteIn{InHeader: *u.at(node), Size: 1}) != accounts {
					t.Error("it is not known what has to wait")
				}
			}()
			select {
			case <-looked:
			case <-time.After(20 * time.Second):
				t.Error("who looks at the file waits for its disk")
			}
			close(stuck.letGo)
			writing.Wait()
			<-looked
			if f.SlowWrite(&fuse.WriteIn{InHeader: *u.at(node), Size: 1}) {
				t.Error("a write is slow with none under way")
			}
		})
	}
}
