package tiered

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vanishfs/fs/store"
)

// spillDirEnv names the directory, hence the disk, that benchmarks spill to.
const spillDirEnv = "VANISHFS_BENCH_SPILL_DIR"

func benchDir(b *testing.B) string {
	if dir := os.Getenv(spillDirEnv); dir != "" {
		return dir
	}
	return b.TempDir()
}

func benchStore(b *testing.B, memory int64) *fixture {
	return newFixture(b, Options{SpillDir: benchDir(b)}, newMarks(memory))
}

func benchFile(b *testing.B, s store.Store, size int64) store.File {
	f, err := s.New()
	if err != nil {
		b.Fatal(err)
	}
	p := numbered(1, 0, 1<<20)
	for off := int64(0); off < size; off += int64(len(p)) {
		mustWrite(b, f, p, off)
	}
	return f
}

// Within memory, beside the memory store: overwriting and reading at random offsets, and a whole small
// file's life.
func BenchmarkInMemory(b *testing.B) {
	const size = 64 << 20
	memory, err := store.NewMemory(store.MemoryOptions{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer memory.Close()
	for name, s := range map[string]store.Store{"tiered": benchStore(b, 256<<20), "memory": memory} {
		f := benchFile(b, s, size)
		for _, n := range []int{4 << 10, 128 << 10} {
			p := numbered(1, 0, n)
			b.Run(fmt.Sprintf("write/%d/%s", n, name), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					mustWrite(b, f, p, rand.N(int64(size/n))*int64(n))
				}
			})
			b.Run(fmt.Sprintf("read/%d/%s", n, name), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					if _, err := f.ReadAt(p, rand.N(int64(size/n))*int64(n)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run("life/"+name, func(b *testing.B) {
			p := numbered(1, 0, 4<<10)
			for b.Loop() {
				f, err := s.New()
				if err != nil {
					b.Fatal(err)
				}
				mustWrite(b, f, p, 0)
				f.Close()
				f.Free()
			}
		})
	}
}

const spillFileSize = 512 << 20

// The disk itself, as the store uses it: batches of 1 MiB, reads of 128 KiB.
func BenchmarkRawDisk(b *testing.B) {
	d, err := openSpillFile(benchDir(b), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	buf, err := newArena(256)
	if err != nil {
		b.Fatal(err)
	}
	defer buf.close()
	copy(buf.mem, numbered(1, 0, len(buf.mem)))
	b.Run("write", func(b *testing.B) {
		b.SetBytes(spillFileSize)
		for b.Loop() {
			if err := d.Truncate(0); err != nil { // like the store's, these are first writes
				b.Fatal(err)
			}
			inParallel(b, spillFileSize, len(buf.mem), func(off int64) error {
				_, err := d.WriteAt(buf.mem, off)
				return err
			})
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(spillFileSize)
		for b.Loop() {
			inParallel(b, spillFileSize, 128<<10, func(off int64) error {
				_, err := d.ReadAt(buf.mem[:128<<10], off)
				return err
			})
		}
	})
	b.Run("random", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.ReadAt(buf.mem[:pageSize], rand.N(int64(spillFileSize/pageSize))*pageSize); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// inParallel does steps in order, two at a time, as the kernel's readahead and our workers do.
func inParallel(b *testing.B, size int64, step int, do func(off int64) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				off := next.Add(int64(step)) - int64(step)
				if off >= size {
					return
				}
				if err := do(off); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Through a budget of a sixteenth of the data.
func BenchmarkSpill(b *testing.B) {
	fx := benchStore(b, spillFileSize/16)
	var f store.File
	b.Run("write", func(b *testing.B) {
		b.SetBytes(spillFileSize)
		for b.Loop() {
			if f != nil {
				f.Close()
				f.Free()
			}
			f = benchFile(b, fx, spillFileSize)
		}
	})
	b.Run("read", func(b *testing.B) {
		bufs := sync.Pool{New: func() any { return new([128 << 10]byte) }}
		b.SetBytes(spillFileSize)
		for b.Loop() {
			inParallel(b, spillFileSize, 128<<10, func(off int64) error {
				p := bufs.Get().(*[128 << 10]byte)
				defer bufs.Put(p)
				_, err := f.ReadAt(p[:], off)
				return err
			})
		}
	})
	p := make([]byte, pageSize)
	b.Run("random", func(b *testing.B) {
		for b.Loop() {
			if _, err := f.ReadAt(p, rand.N(int64(spillFileSize/pageSize))*pageSize); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("overwrite", func(b *testing.B) {
		for b.Loop() {
			mustWrite(b, f, p, rand.N(int64(spillFileSize/pageSize))*pageSize)
		}
		st := fx.Stats()
		b.ReportMetric(float64(st.Spill)/spillFileSize, "slots/page")
	})
}

// What a user of memory notices of another who spills at full speed: the life of a small file and
// a read in memory.
func BenchmarkBesideSpilling(b *testing.B) {
	for _, busy := range []bool{false, true} {
		b.Run(fmt.Sprintf("spilling=%v", busy), func(b *testing.B) {
			fx := benchStore(b, 64<<20)
			stop := make(chan struct{})
			var wg sync.WaitGroup
			if busy {
				wg.Go(func() { spillUntil(b, fx, stop) })
			}
			hot := benchFile(b, fx, 1<<20)
			var took []time.Duration
			p := numbered(1, 0, 4<<10)
			for b.Loop() {
				start := time.Now()
				f := fx.file(b)
				mustWrite(b, f, p, 0)
				mustHold(b, f, p, 0)
				f.Close()
				f.Free()
				mustHold(b, hot, p[:8], 0)
				took = append(took, time.Since(start))
			}
			close(stop)
			wg.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
		})
	}
}

func spillUntil(b *testing.B, fx *fixture, stop chan struct{}) {
	f := fx.file(b)
	p := numbered(1, 0, 128<<10)
	for off := int64(0); ; off = (off + int64(len(p))) % (1 << 30) {
		select {
		case <-stop:
			f.Close()
			f.Free()
			return
		default:
			mustWrite(b, f, p, off)
		}
	}
}

// Files of all sizes that come and go while three quarters of the space is in use: how much larger than
// the data the spill file gets, and how long the runs are that it is written in.
func BenchmarkChurn(b *testing.B) {
	fx := newFixture(b, Options{}, newMarks(0))
	var files []*File
	var sizes []int64
	var live, most int64
	for b.Loop() {
		for live > 96<<20 {
			i := rand.N(len(files))
			files[i].Close()
			files[i].Free()
			live -= sizes[i]
			last := len(files) - 1
			files[i], sizes[i] = files[last], sizes[last]
			files, sizes = files[:last], sizes[:last]
		}
		f, size := fx.file(b), int64(1)<<rand.N(23)+rand.N(int64(5000))
		mustWrite(b, f, numbered(1, 0, int(size)), 0)
		files, sizes, live = append(files, f), append(sizes, size), live+size
		most = max(most, fx.Stats().SpillFile)
	}
	st := fx.Stats()
	b.ReportMetric(float64(most)/(96<<20), "file/data")
	b.ReportMetric(float64(st.Spilled)/float64(max(fx.disk.writes, 1)), "bytes/write")
}
