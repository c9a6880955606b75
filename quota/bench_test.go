package quota

import (
	"sync"
	"testing"
)

// One page reserved and released: by one goroutine and by two that contend, in a root
// domain and in one with two above it.
func BenchmarkReserveRelease(b *testing.B) {
	root := New(nil, "root", Limits{Bytes: 1 << 40})
	deep := New(New(root, "user", Limits{Bytes: 1 << 40}), "session", Limits{Bytes: 1 << 40})
	for _, c := range []struct {
		name    string
		d       *Domain
		workers int
	}{
		{"root/1", root, 1}, {"root/2", root, 2}, {"deep/1", deep, 1}, {"deep/2", deep, 2},
	} {
		b.Run(c.name, func(b *testing.B) {
			var wg sync.WaitGroup
			for range c.workers {
				wg.Go(func() {
					for range b.N / c.workers {
						if c.d.ReserveBytes(PageSize) != nil {
							b.Error("refused")
							return
						}
						c.d.ReleaseBytes(PageSize)
					}
				})
			}
			wg.Wait()
		})
	}
}
