package tiered

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vanishfs/fs/store"
)

const (
	streamSize  = 256 << 20 // bytes, of a file that is written and read in sequence
	randomSize  = 64 << 20  // bytes, of a file that is accessed at random
	randomCalls = 20000     // of one pass
)

// A passOver is some work on a store's file, of which it says how long it took.
type passOver func(b *testing.B, s store.Store, f store.File) time.Duration

// BenchmarkBesideMemory does the same with this store, with memory to spare, and the memory store's
// system calls in turns. "ratio" is the median of the time taken beside the memory store's just before.
func BenchmarkBesideMemory(b *testing.B) {
	memory, err := store.NewMemory(store.MemoryOptions{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer memory.Close()
	stores := []store.Store{memory, benchStore(b, 1<<30)}
	for _, c := range []struct {
		name string
		size int64
		pass passOver
	}{
		{"new", 0, streamNew},
		{"rewrite", streamSize, streamed(store.File.WriteAt)},
		{"read", streamSize, streamed(store.File.ReadAt)},
		{"write4096", randomSize, scattered(4096, store.File.WriteAt)},
		{"read4096", randomSize, scattered(4096, store.File.ReadAt)},
		{"write100", randomSize, scattered(100, store.File.WriteAt)},
		{"read100", randomSize, scattered(100, store.File.ReadAt)},
	} {
		b.Run(c.name, func(b *testing.B) { besides(b, stores, c.size, c.pass) })
	}
}

// besides reports the second store's time for a pass as a multiple of the first one's.
func besides(b *testing.B, stores []store.Store, size int64, pass passOver) {
	var files [2]store.File
	var took [2][]float64
	for i, s := range stores {
		files[i] = benchFile(b, s, size)
		pass(b, s, files[i])
	}
	var ratios []float64
	for b.Loop() {
		for i, s := range stores {
			took[i] = append(took[i], float64(pass(b, s, files[i]).Nanoseconds()))
		}
		ratios = append(ratios, took[1][len(ratios)]/took[0][len(ratios)])
	}
	for _, f := range files {
		f.Close()
		f.Free()
	}
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(median(took[0]), "memory-ns")
	b.ReportMetric(median(took[1]), "tiered-ns")
	b.ReportMetric(0, "ns/op")
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// streamNew writes a file of its own in blocks of 1 MiB.
func streamNew(b *testing.B, s store.Store, _ store.File) time.Duration {
	f, err := s.New()
	if err != nil {
		b.Fatal(err)
	}
	took := streamed(store.File.WriteAt)(b, s, f)
	f.Close()
	f.Free()
	return took
}

// streamed accesses all of the file in blocks of 1 MiB.
func streamed(access func(f store.File, p []byte, off int64) (int, error)) passOver {
	p := numbered(1, 0, 1<<20)
	return func(b *testing.B, _ store.Store, f store.File) time.Duration {
		start := time.Now()
		for off := int64(0); off < streamSize; off += int64(len(p)) {
			if n, err := access(f, p, off); n != len(p) || err != nil {
				b.Fatal(n, err)
			}
		}
		return time.Since(start)
	}
}

// scattered accesses n bytes at random multiples of n.
func scattered(n int, access func(f store.File, p []byte, off int64) (int, error)) passOver {
	p := numbered(1, 0, n)
	return func(b *testing.B, _ store.Store, f store.File) time.Duration {
		start := time.Now()
		for range randomCalls {
			if got, err := access(f, p, rand.N(int64(randomSize/n))*int64(n)); got != n || err != nil {
				b.Fatal(got, err)
			}
		}
		return time.Since(start)
	}
}

// BenchmarkBesideDisk writes a file of sixteen times the budget and reads it back, in turns with
// direct I/O of as much to a file on the same disk. "ratio" is the median of the throughput beside
// the disk's just before, and "mb/s" this store's.
func BenchmarkBesideDisk(b *testing.B) {
	fx := benchStore(b, spillFileSize/16)
	var ratios, speeds [2][]float64
	for b.Loop() {
		disk := diskPass(b)
		for i, took := range spillPass(b, fx) {
			ratios[i] = append(ratios[i], float64(disk[i])/float64(took))
			speeds[i] = append(speeds[i], spillFileSize/1e6/took.Seconds())
		}
	}
	for i, what := range []string{"write-", "read-"} {
		b.ReportMetric(median(ratios[i]), what+"ratio")
		b.ReportMetric(median(speeds[i]), what+"mb/s")
	}
	b.ReportMetric(0, "ns/op")
}

// diskPass, with ordinary memory as a program has it, writes and reads a file of the disk in blocks of 1 MiB, two at a time.
func diskPass(b *testing.B) (took [2]time.Duration) {
	d, err := openSpillFile(benchDir(b), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	buf, err := newArena(512)
	if err != nil {
		b.Fatal(err)
	}
	defer buf.close()
	copy(buf.mem, numbered(1, 0, len(buf.mem)))
	var half atomic.Uint32
	mine := func() []byte { return buf.run(frame(half.Add(1)%2*256), 256) }
	start := time.Now()
	inParallel(b, spillFileSize, 1<<20, func(off int64) error {
		_, err := d.WriteAt(mine(), off)
		return err
	})
	took[0] = time.Since(start)
	start = time.Now()
	inParallel(b, spillFileSize, 1<<20, func(off int64) error {
		_, err := d.ReadAt(mine(), off)
		return err
	})
	took[1] = time.Since(start)
	return took
}

// spillPass writes a file in blocks of 1 MiB and reads it as the kernel does: 128 KiB, two at a time.
func spillPass(b *testing.B, s store.Store) (took [2]time.Duration) {
	start := time.Now()
	f := benchFile(b, s, spillFileSize)
	took[0] = time.Since(start)
	start = time.Now()
	bufs := sync.Pool{New: func() any { return new([128 << 10]byte) }}
	inParallel(b, spillFileSize, 128<<10, func(off int64) error {
		p := bufs.Get().(*[128 << 10]byte)
		defer bufs.Put(p)
		_, err := f.ReadAt(p[:], off)
		return err
	})
	took[1] = time.Since(start)
	f.Close()
	f.Free()
	return took
}
