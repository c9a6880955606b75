package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/fs/store"
	"vanishfs/fs/store/storetest"
)

func mustNew(t testing.TB, s store.Store) store.File {
	t.Helper()
	f, err := s.New()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustOpen(t testing.TB, f store.File) {
	t.Helper()
	if err := f.Open(); err != nil {
		t.Fatal(err)
	}
}

func mustWrite(t testing.TB, f store.File, data string) {
	t.Helper()
	if n, err := f.WriteAt([]byte(data), 0); n != len(data) || err != nil {
		t.Fatalf("WriteAt: %d, %v", n, err)
	}
}

func content(t testing.TB, f store.File) string {
	t.Helper()
	p := make([]byte, 1000)
	n, err := f.ReadAt(p, 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(p[:n])
}

// TestMemoryBudget: any number of files can be open at once, with few descriptors.
func TestMemoryBudget(t *testing.T) {
	for _, backer := range []*storetest.Backer{nil, {}} {
		t.Run(fmt.Sprint("Backed=", backer != nil), func(t *testing.T) {
			const budget, files = 8, 100
			s := newMemory(t, store.MemoryOptions{Size: 1 << 20})
			s.SetBudget(budget)
			if backer != nil {
				s.UseBacker(backer)
			}
			before := storetest.Descriptors(t)
			var all []store.File
			for i := range files {
				f := mustNew(t, s)
				mustWrite(t, f, fmt.Sprint("file ", i))
				all = append(all, f)
			}
			if n := storetest.Descriptors(t) - before; n > budget {
				t.Errorf("%d descriptors for a budget of %d", n, budget)
			}
			s.Check()
			for i, f := range all {
				if got, want := content(t, f), fmt.Sprint("file ", i); got != want {
					t.Errorf("%q read, want %q", got, want)
				}
				if id, ok := f.Backing(); ok != (backer != nil) || ok && !backer.Has(id) {
					t.Errorf("file %d: backing %d, %t", i, id, ok)
				}
			}
			for _, f := range all {
				f.Close()
				f.Free()
			}
			s.Check()
			if u, err := s.Usage(); u.Used != 0 || err != nil {
				t.Errorf("usage %+v, %v", u, err)
			}
		})
	}
}

// TestMemoryIdle: of files that were closed, few are kept at hand.
func TestMemoryIdle(t *testing.T) {
	s := newMemory(t, store.MemoryOptions{Size: 1 << 20})
	s.SetBudget(400)
	backer := &storetest.Backer{}
	s.UseBacker(backer)
	before := storetest.Descriptors(t)
	for range 3000 {
		mustNew(t, s).Close()
	}
	s.Check()
	// A quarter of the budget idle, as many ready.
	if n := storetest.Descriptors(t) - before; n > 200 {
		t.Errorf("%d descriptors", n)
	}
	if n := backer.Registered(); n > 200 {
		t.Errorf("%d registered", n)
	}
}

// TestMemoryBackingStays: simultaneous opens share an id, which is valid as long as they last.
func TestMemoryBackingStays(t *testing.T) {
	s := newMemory(t, store.MemoryOptions{Size: 1 << 20})
	backer := &storetest.Backer{}
	s.UseBacker(backer)
	f := mustNew(t, s)
	id, ok := f.Backing()
	for range 3 {
		mustOpen(t, f)
		if again, _ := f.Backing(); again != id || !ok || !backer.Has(id) {
			t.Errorf("backing %d, then %d", id, again)
		}
	}
	for range 4 {
		f.Close()
	}
	s.Close()
	if n := backer.Registered(); n != 0 {
		t.Errorf("%d registered after Close", n)
	}
}

// A counter counts what is logged.
type counter struct {
	slog.Handler
	n *atomic.Int64
}

func (c counter) Enabled(context.Context, slog.Level) bool { return true }

func (c counter) Handle(context.Context, slog.Record) error {
	c.n.Add(1)
	return nil
}

// TestMemoryBackingRefused: without registration files are mediated, said once.
func TestMemoryBackingRefused(t *testing.T) {
	var said atomic.Int64
	s, err := store.NewMemory(store.MemoryOptions{Size: 1 << 20, Logger: slog.New(counter{slog.DiscardHandler, &said})})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.UseBacker(&storetest.Backer{Refuse: syscall.EPERM})
	for range 10 {
		f := mustNew(t, s)
		if _, ok := f.Backing(); ok {
			t.Error("has a backing id")
		}
		mustWrite(t, f, "data")
		f.Close()
	}
	if said.Load() != 1 {
		t.Errorf("said %d times", said.Load())
	}
}

// TestMemoryMapped: a file that was opened by passthrough and is still mapped when it is freed (the
// kernel sends RELEASE at close, whatever is mapped) keeps its bytes, and nobody else's appear there.
func TestMemoryMapped(t *testing.T) {
	t.Run("idle", func(t *testing.T) { checkMapped(t, func(*store.Memory, store.File) {}) })
	t.Run("reopened", func(t *testing.T) {
		checkMapped(t, func(s *store.Memory, f store.File) {
			s.EvictIdle()
			if err := f.Open(); err != nil {
				t.Fatal(err)
			}
			if f.Settled() {
				t.Error("settled while it is mapped")
			}
			f.Close()
		})
	})
}

// checkMapped has between called when the file is closed and mapped.
func checkMapped(t *testing.T, between func(*store.Memory, store.File)) {
	s := newMemory(t, store.MemoryOptions{Size: 8 << 20})
	s.UseBacker(&storetest.Backer{})
	f := mustNew(t, s)
	if !f.Settled() {
		t.Error("not settled before anybody could open it")
	}
	f.Backing()
	mustWrite(t, f, "secret")
	fd, err := store.OpenBacking(f)
	if err != nil {
		t.Fatal(err)
	}
	mapping, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	if f.Settled() {
		t.Error("settled while it is mapped")
	}
	f.Close()
	between(s, f)
	f.Free()
	for range 1000 {
		mustWrite(t, mustNew(t, s), "OTHERS")
	}
	if !bytes.HasPrefix(mapping, []byte("secret")) {
		t.Errorf("the mapping shows %q", mapping[:6])
	}
	const others = 1000 * store.PageSize
	if u, _ := s.Usage(); u.Used != others+store.PageSize {
		t.Errorf("%d bytes used while mapped", u.Used)
	}
	if err := unix.Munmap(mapping); err != nil {
		t.Fatal(err)
	}
	if u, _ := s.Usage(); u.Used != others {
		t.Errorf("%d bytes used afterwards", u.Used)
	}
}

// TestMemoryReady: the filler makes files ahead, freed files are used again, and both are empty.
func TestMemoryReady(t *testing.T) {
	s := newMemory(t, store.MemoryOptions{Size: 1 << 20})
	f := mustNew(t, s)
	deadline := time.Now().Add(10 * time.Second)
	for s.Ready() == 0 && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if s.Ready() == 0 {
		t.Fatal("no file was made ahead")
	}
	mustWrite(t, f, "remains of another file")
	if err := f.Allocate(unix.FALLOC_FL_KEEP_SIZE, 0, 100<<10); err != nil {
		t.Fatal(err)
	}
	f.Close()
	f.Free()
	for range s.Ready() + 10 {
		f := mustNew(t, s)
		if a, err := f.Attr(); a.Size != 0 || a.Blocks != 0 || err != nil {
			t.Fatalf("a new file: %+v, %v", a, err)
		}
		if got := content(t, f); got != "" {
			t.Fatalf("a new file has %q", got)
		}
	}
	if u, err := s.Usage(); u.Used != 0 || err != nil {
		t.Errorf("usage %+v, %v", u, err)
	}
	s.Check()
}

// TestMemoryHuge: the limit is exact with huge pages too.
func TestMemoryHuge(t *testing.T) {
	for _, huge := range []string{"auto", "never", "advise", "within_size", "always"} {
		t.Run(huge, func(t *testing.T) {
			s := newMemory(t, store.MemoryOptions{Size: 64 << 20, Huge: huge})
			for range 2 {
				files, sum := storetest.Fill(t, s, 8, 1<<20)
				if sum != 64<<20 {
					t.Errorf("%d bytes written", sum)
				}
				for _, f := range files {
					f.Close()
					f.Free()
				}
			}
			if u, err := s.Usage(); u.Used != 0 || err != nil {
				t.Errorf("usage %+v, %v", u, err)
			}
		})
	}
}

// TestMemoryOptions: what cannot be is refused before anything is made.
func TestMemoryOptions(t *testing.T) {
	for _, o := range []store.MemoryOptions{{Huge: "sometimes"}, {Size: -1}, {Size: 1 << 62}} {
		if _, err := store.NewMemory(o); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%+v: %v, want EINVAL", o, err)
		}
	}
	s := newMemory(t, store.MemoryOptions{Size: 5000})
	if u, err := s.Usage(); u.Size != 2*store.PageSize || err != nil {
		t.Errorf("a limit of 5000 bytes is %+v, %v", u, err)
	}
	if s.Kind() != "memory" {
		t.Error(s.Kind())
	}
}

// TestMemoryUmask: a umask that would hide the store's files from the store is refused at once.
func TestMemoryUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o777))
	if _, err := store.NewMemory(store.MemoryOptions{Size: 1 << 20}); !errors.Is(err, syscall.EACCES) {
		t.Errorf("%v, want EACCES", err)
	}
}

// TestMemoryDir: a ready-made tmpfs serves as well, and stays the caller's.
func TestMemoryDir(t *testing.T) {
	root, err := store.NewTmpfs(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	dir := os.NewFile(uintptr(root), "tmpfs")
	defer dir.Close()
	s := newMemory(t, store.MemoryOptions{Dir: dir})
	f := mustNew(t, s)
	if n, err := f.WriteAt(make([]byte, 2<<20), 0); n != 1<<20 || err != nil {
		t.Errorf("WriteAt: %d, %v", n, err)
	}
	s.Close()
	if _, err := dir.Stat(); err != nil {
		t.Error(err)
	}
}

// TestMemoryMisuse: a free too many or too early is logged and does no harm.
func TestMemoryMisuse(t *testing.T) {
	var said atomic.Int64
	s, err := store.NewMemory(store.MemoryOptions{Size: 1 << 20, Logger: slog.New(counter{slog.DiscardHandler, &said})})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := mustNew(t, s)
	mustWrite(t, f, "data")
	f.Free()
	if got := content(t, f); got != "data" {
		t.Errorf("%q after a free of the open file", got)
	}
	f.Close()
	f.Close()
	f.Free()
	f.Free()
	if said.Load() != 3 {
		t.Errorf("%d messages, want 3", said.Load())
	}
	s.Check()
}

// TestMemoryAtRest: a closed file costs at most 96 bytes of heap.
func TestMemoryAtRest(t *testing.T) {
	const files, most = 100_000, 96
	s := newMemory(t, store.MemoryOptions{Size: 1 << 20})
	all := make([]store.File, files)
	before := heap()
	for i := range all {
		all[i] = mustNew(t, s)
		all[i].Close()
	}
	perFile := float64(heap()-before) / files
	t.Logf("%.1f bytes a file", perFile)
	if perFile > most {
		t.Errorf("%.1f bytes a file, want at most %d", perFile, most)
	}
	runtime.KeepAlive(all)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
