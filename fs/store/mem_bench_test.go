package store_test

import (
	"testing"

	"vanishfs/fs/store"
	"vanishfs/fs/store/storetest"
)

// benchmark runs for a mediated store and for one that also registers backing files; the
// kernel's part of registering is not in it.
func benchmark(b *testing.B, run func(b *testing.B, s store.Store)) {
	for _, backed := range []bool{false, true} {
		name := "Mediated"
		if backed {
			name = "Backed"
		}
		b.Run(name, func(b *testing.B) {
			s := newMemory(b, store.MemoryOptions{Size: 256 << 20})
			if backed {
				s.UseBacker(&storetest.Backer{})
			}
			b.ReportAllocs()
			run(b, s)
		})
	}
}

// churn is a short-lived file: what a create, a write of 4 KiB, a close and an unlink ask of the store.
func churn(b *testing.B, s store.Store, p []byte) {
	f, err := s.New()
	if err != nil {
		b.Fatal(err)
	}
	f.Backing()
	if _, err := f.WriteAt(p, 0); err != nil {
		b.Fatal(err)
	}
	f.Close()
	f.Free()
}

func BenchmarkMemoryChurn(b *testing.B) {
	benchmark(b, func(b *testing.B, s store.Store) {
		p := make([]byte, 4096)
		for b.Loop() {
			churn(b, s, p)
		}
	})
}

func BenchmarkMemoryChurnParallel(b *testing.B) {
	benchmark(b, func(b *testing.B, s store.Store) {
		b.RunParallel(func(pb *testing.PB) {
			p := make([]byte, 4096)
			for pb.Next() {
				churn(b, s, p)
			}
		})
	})
}

// BenchmarkMemoryNew only makes files: the filler and the eviction of idle handles keep up or not.
func BenchmarkMemoryNew(b *testing.B) {
	benchmark(b, func(b *testing.B, s store.Store) {
		for b.Loop() {
			f, err := s.New()
			if err != nil {
				b.Fatal(err)
			}
			f.Close()
		}
	})
}

// BenchmarkMemoryOpen reads 4 KiB of a file: of one that was closed just before, and of one of more than are kept at hand.
func BenchmarkMemoryOpen(b *testing.B) {
	for name, files := range map[string]int{"Idle": 1, "Evicted": 5000} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, func(b *testing.B, s store.Store) {
				all := make([]store.File, files)
				p := make([]byte, 4096)
				for i := range all {
					all[i], _ = s.New()
					if _, err := all[i].WriteAt(p, 0); err != nil {
						b.Fatal(err)
					}
					all[i].Close()
				}
				i := 0
				for b.Loop() {
					f := all[i%files]
					i++
					if err := f.Open(); err != nil {
						b.Fatal(err)
					}
					if _, err := f.ReadAt(p, 0); err != nil {
						b.Fatal(err)
					}
					f.Close()
				}
			})
		})
	}
}

// BenchmarkMissing is what a READ of a file that is open for writing asks on the mediated
// plane. It must not depend on how much data follows.
func BenchmarkMissing(b *testing.B) {
	s := newMemory(b, store.MemoryOptions{Size: 256 << 20, Huge: "never"})
	f, err := s.New()
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for off, p := int64(0), make([]byte, 1<<20); off < 128<<20; off += int64(len(p)) {
		if _, err := f.WriteAt(p, off); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if f.Missing(0, store.PageSize) != 0 {
			b.Fatal("a hole")
		}
	}
}

// BenchmarkFill is what a fault that is to write to a hole of a mapping asks on the mediated plane.
func BenchmarkFill(b *testing.B) {
	const size = 128 << 20
	s := newMemory(b, store.MemoryOptions{Size: 2 * size, Huge: "never"})
	f, err := s.New()
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	off := int64(size)
	for b.Loop() {
		if off == size {
			off = 0
			b.StopTimer()
			if err := f.Truncate(0); err != nil {
				b.Fatal(err)
			}
			if err := f.Truncate(size); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		if err := f.Fill(off, store.PageSize); err != nil {
			b.Fatal(err)
		}
		off += store.PageSize
	}
}
