package fs

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// BenchmarkScale makes the requests of one caller for each processor, each in a directory of its own: run it with
// -cpu 1,2 and -mutexprofile to see what the callers wait for each other for.
func BenchmarkScale(b *testing.B) {
	for _, load := range []struct {
		name  string
		files int // that the directory holds
		round func(f *FS, dir uint64) error
	}{
		{"lookup", 100, lookups},
		{"missing", 100, missing},
		{"churn", 0, churns},
		{"mixed", 100, mixed},
	} {
		b.Run(load.name, func(b *testing.B) {
			f := newTree(b, nil)
			b.RunParallel(func(pb *testing.PB) {
				dir, err := root(f).mkdir(1, fmt.Sprintf("%p", pb))
				for i := 0; err == nil && i < load.files; i++ {
					var n uint64
					if n, err = root(f).create(dir, fmt.Sprint(i)); err == nil {
						f.Release(nil, &fuse.ReleaseIn{InHeader: *root(f).at(n), Flags: syscall.O_RDWR})
					}
				}
				for err == nil && pb.Next() {
					err = load.round(f, dir)
				}
				if err != nil {
					b.Error(err)
				}
			})
		})
	}
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

// churns is the life of a file of a page.
func churns(f *FS, dir uint64) error {
	u := root(f)
	n, err := u.create(dir, "x")
	if err != nil {
		return err
	}
	var data [4096]byte
	if _, s := f.Write(nil, &fuse.WriteIn{InHeader: *u.at(n), Size: uint32(len(data))}, data[:]); s != fuse.OK {
		return errno(s)
	}
	f.Release(nil, &fuse.ReleaseIn{InHeader: *u.at(n), Flags: syscall.O_RDWR})
	err = u.unlink(dir, "x")
	f.Forget(n, 1)
	return err
}

// mixed is one file made and removed for four names looked up and a directory made and removed.
func mixed(f *FS, dir uint64) error {
	u := root(f)
	for range 4 {
		if err := lookups(f, dir); err != nil {
			return err
		}
	}
	n, err := u.mkdir(dir, "d")
	if err != nil {
		return err
	}
	if err := u.rmdir(dir, "d"); err != nil {
		return err
	}
	f.Forget(n, 1)
	return churns(f, dir)
}
