package fs

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

func BenchmarkLookupMissing(b *testing.B) {
	f := newTree(b, nil)
	h, out := root(f).at(1), new(fuse.EntryOut)
	b.ReportAllocs()
	for b.Loop() {
		f.Lookup(nil, h, "missing", out)
	}
}

func BenchmarkChurn(b *testing.B) {
	f := newTree(b, nil)
	h := root(f).at(1)
	in := &fuse.CreateIn{InHeader: *h, Mode: 0600, Flags: syscall.O_RDWR | syscall.O_CREAT | syscall.O_EXCL}
	out := new(fuse.CreateOut)
	data := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		f.Create(nil, in, "churn", out)
		w := fuse.WriteIn{InHeader: fuse.InHeader{NodeId: out.NodeId}, Size: 4096}
		f.Write(nil, &w, data)
		f.Release(nil, &fuse.ReleaseIn{InHeader: w.InHeader, Flags: in.Flags})
		f.Unlink(nil, h, "churn")
		f.Forget(out.NodeId, 1)
	}
}

// BenchmarkFileMemory reports the daemon's own memory for a file at rest.
func BenchmarkFileMemory(b *testing.B) {
	const files = 90_000
	f := newTree(b, nil)
	u := root(f)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range files {
		n, err := u.create(1, fmt.Sprintf("file-%08d", i))
		if err != nil {
			b.Fatal(err)
		}
		f.Release(nil, &fuse.ReleaseIn{InHeader: *u.at(n), Flags: syscall.O_RDWR})
		f.Forget(n, 1)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/files, "B/file")
	runtime.KeepAlive(f)
}
