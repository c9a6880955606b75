package tiered

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"sync"
	"testing"
	"time"

	"vanishfs/fs/store"
	"vanishfs/fs/store/storetest"
)

// tight are marks of a budget so small that nearly everything is spilled at once.
var tight = marks{total: 64, floor: 64, high: 64, low: 24, reserve: 6, spare: 4, warm: 16}

// eager are marks with room for everything of which nothing is left in memory for long.
var eager = marks{total: 1024, floor: 1024, high: 2000, low: 24, reserve: 6, spare: 4, warm: 64}

// A tester is a *testing.T, a *testing.B or a *rapid.T.
type tester interface {
	Helper()
	Cleanup(func())
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// A fixture is a store and what a test wants to look at beside it.
type fixture struct {
	*Store
	disk *fakeDisk // nil: a real spill file
	log  *logBuffer
}

func newFixture(t tester, o Options, m marks) *fixture {
	t.Helper()
	fx := &fixture{log: new(logBuffer)}
	if o.Disk == nil && o.SpillDir == "" {
		fx.disk = newFakeDisk()
		o.Disk = fx.disk
	}
	o.Logger = slog.New(slog.NewTextHandler(fx.log, nil))
	o.derive()
	s, err := newStore(o, m)
	if err != nil {
		t.Fatal(err)
	}
	fx.Store = s
	t.Cleanup(func() {
		if fx.disk != nil {
			fx.disk.set(func(d *fakeDisk) { d.stuck, d.jammed = false, false })
		}
		s.Close()
	})
	return fx
}

func (fx *fixture) file(t tester) *File {
	t.Helper()
	f, err := fx.New()
	if err != nil {
		t.Fatal(err)
	}
	return f.(*File)
}

// logBuffer keeps what was logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// wait returns when cond holds.
func wait(t tester, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// numbered is n bytes of a file at off in which every 8 bytes tell their offset and a seed.
func numbered(seed uint64, off int64, n int) []byte {
	p := make([]byte, n)
	var word [8]byte
	for i := range p {
		at := off + int64(i)
		if i == 0 || at%8 == 0 {
			x := (uint64(at/8) + seed<<40) * 0x9e3779b97f4a7c15
			binary.LittleEndian.PutUint64(word[:], x^x>>29)
		}
		p[i] = word[at%8]
	}
	return p
}

func mustWrite(t tester, f store.File, p []byte, off int64) {
	t.Helper()
	if n, err := f.WriteAt(p, off); n != len(p) || err != nil {
		t.Fatalf("write of %d bytes at %d: %d, %v", len(p), off, n, err)
	}
}

func mustHold(t tester, f store.File, want []byte, off int64) {
	t.Helper()
	p := make([]byte, len(want))
	if n, err := f.ReadAt(p, off); n != len(p) || err != nil {
		t.Fatalf("read of %d bytes at %d: %d, %v", len(p), off, n, err)
	}
	if !bytes.Equal(p, want) {
		i := 0
		for p[i] == want[i] {
			i++
		}
		t.Fatalf("byte %d is %#x, want %#x", off+int64(i), p[i], want[i])
	}
}

// setHigh changes the mark at which spilling begins, and returns what it was.
func (fx *fixture) setHigh(high int) (was int) {
	fx.pool.mu.Lock()
	defer fx.pool.mu.Unlock()
	was, fx.pool.marks.high = fx.pool.marks.high, high
	return was
}

// spillAll waits until nothing of f is in memory.
func (fx *fixture) spillAll(t tester, f *File) {
	t.Helper()
	defer fx.setHigh(fx.setHigh(fx.pool.marks.total + 1))
	wait(t, "everything to be spilled", func() bool {
		fx.spiller.wake()
		return f.inMemory() == 0
	})
}

// rest waits until the workers have stopped, and keeps them so until the returned function is called.
func (fx *fixture) rest(t tester) (resume func()) {
	t.Helper()
	high := fx.setHigh(-1 << 40)
	wait(t, "the workers to rest", func() bool { return fx.spiller.busy.Load() == 0 })
	return func() { fx.setHigh(high) }
}

// inMemory is how many of f's pages are.
func (f *File) inMemory() (n int) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for c := f.chunks.next(0); c != nil; c = f.chunks.next(c.index + 1) {
		n += c.in().len()
	}
	return n
}

// The suite that every store passes: with all in memory, with hardly any, and with so little that
// every few pages go to the disk and come back.
func TestConformance(t *testing.T) {
	for name, m := range map[string]marks{"roomy": newMarks(256 << 20), "disk only": newMarks(0), "tight": tight} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			storetest.Run(t, func(t testing.TB) store.Store {
				return newFixture(t, Options{SpillDir: dir}, m).Store
			})
		})
	}
}
