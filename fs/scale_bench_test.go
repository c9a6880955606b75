package fs

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// BenchmarkScale compares the requests of one caller with those of two at once, each in a directory of its own:
// x-one is how many times the requests of one caller two of them get done. With -mutexprofile it shows what they
// wait for each other for. It takes two processors that nothing else uses; the time of a round is one caller's.
func BenchmarkScale(b *testing.B) {
	for _, load := range []struct {
		name  string
		files int // that the directory holds
		scope *Scope
		round func(f *FS, dir uint64) error
	}{
		{"lookup", 100, nil, lookups},
		{"missing", 100, nil, missing},
		{"directories", 0, nil, directories},
		{"renames", 1, nil, renames},
		{"stamps", 1, nil, stamps},
		{"churn", 0, nil, churns},
		{"mixed", 100, nil, mixed},
		{"scope", 0, new(Scope), directories},
	} {
		b.Run(load.name, func(b *testing.B) {
			f := newTree(b, func(o *Options) {
				if load.scope != nil {
					o.ScopeOf = func(_, _ uint32) (*Scope, error) { return load.scope, nil }
				}
			})
			var dirs [2]uint64
			for i := range dirs {
				dirs[i] = populate(b, f, fmt.Sprint(i), load.files)
			}
			var took [len(dirs)]time.Duration // by how many callers there are, less one
			// In turns, so that what else happens on the machine happens to both.
			const turns = 20
			b.ResetTimer()
			for turn := range turns {
				rounds := b.N*(turn+1)/turns - b.N*turn/turns
				for i := range dirs {
					took[i] += callers(b, f, dirs[:i+1], rounds, load.round)
				}
			}
			b.ReportMetric(float64(took[0].Nanoseconds())/float64(b.N), "ns/op")
			b.ReportMetric(2*took[0].Seconds()/took[1].Seconds(), "x-one")
		})
	}
}

// populate makes a directory with files called 0, 1 and so on.
func populate(b *testing.B, f *FS, name string, files int) uint64 {
	u := root(f)
	dir, err := u.mkdir(1, name)
	if err != nil {
		b.Fatal(err)
	}
	for i := range files {
		n, err := u.create(dir, fmt.Sprint(i))
		if err != nil {
			b.Fatal(err)
		}
		f.Release(nil, &fuse.ReleaseIn{InHeader: *u.at(n), Flags: syscall.O_RDWR})
	}
	return dir
}

// callers makes rounds of requests in each of the directories at once.
func callers(b *testing.B, f *FS, dirs []uint64, rounds int, round func(*FS, uint64) error) time.Duration {
	var all sync.WaitGroup
	began := time.Now()
	for _, dir := range dirs {
		all.Go(func() {
			for range rounds {
				if err := round(f, dir); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

func lookups(f *FS, dir uint64) error {
	if root(f).lookup(dir, "50") == 0 {
		return syscall.ENOENT
	}
	return nil
}

func missing(f *FS, dir uint64) error {
	if root(f).lookup(dir, "missing") != 0 {
		return syscall.EEXIST
	}
	return nil
}

// directories is the life of a directory.
func directories(f *FS, dir uint64) error {
	u := root(f)
	n, err := u.mkdir(dir, "d")
	if err != nil {
		return err
	}
	u.lookup(dir, "d")
	err = u.rmdir(dir, "d")
	f.Forget(n, 2)
	return err
}

func renames(f *FS, dir uint64) error {
	u := root(f)
	if err := u.rename(dir, "0", dir, "1", 0); err != nil {
		return err
	}
	return u.rename(dir, "1", dir, "0", 0)
}

// stamps changes a file and looks at its time, so that the kernel stamps the next change finer (see clock).
func stamps(f *FS, dir uint64) error {
	u := root(f)
	n := u.lookup(dir, "0")
	h := *u.at(n)
	if s := f.Open(nil, &fuse.OpenIn{InHeader: h, Flags: syscall.O_RDWR}, new(fuse.OpenOut)); s != fuse.OK {
		return errno(s)
	}
	if _, s := f.Write(nil, &fuse.WriteIn{InHeader: h, Size: 1}, page[:1]); s != fuse.OK {
		return errno(s)
	}
	s := f.GetAttr(nil, &fuse.GetAttrIn{InHeader: h}, new(fuse.AttrOut))
	f.Release(nil, &fuse.ReleaseIn{InHeader: h, Flags: syscall.O_RDWR})
	f.Forget(n, 1)
	return errno(s)
}

var page [4096]byte

// churns is the life of a file of a page.
func churns(f *FS, dir uint64) error {
	u := root(f)
	n, err := u.create(dir, "x")
	if err != nil {
		return err
	}
	if _, s := f.Write(nil, &fuse.WriteIn{InHeader: *u.at(n), Size: uint32(len(page))}, page[:]); s != fuse.OK {
		return errno(s)
	}
	f.Release(nil, &fuse.ReleaseIn{InHeader: *u.at(n), Flags: syscall.O_RDWR})
	err = u.unlink(dir, "x")
	f.Forget(n, 1)
	return err
}

// mixed is one file made and removed for four names looked up and a directory made and removed.
func mixed(f *FS, dir uint64) error {
	for range 4 {
		if err := lookups(f, dir); err != nil {
			return err
		}
	}
	if err := directories(f, dir); err != nil {
		return err
	}
	return churns(f, dir)
}
