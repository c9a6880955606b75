package fs

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestLooksAreFew: looks that do not come back are as many as are allowed, cost a user's reads no time once that is
// known, and keep nobody else from looking.
func TestLooksAreFew(t *testing.T) {
	var running atomic.Int32
	back := make(chan struct{})
	l := NewLooks(func(pid uint32, _ uint64) bool {
		if pid >= 1000 {
			return false
		}
		running.Add(1)
		defer running.Add(-1)
		<-back
		return false
	})
	var asking sync.WaitGroup
	for pid := range uint32(200) {
		asking.Go(func() {
			if !l.MayMap(pid+1, 1, 7) {
				t.Error("without an answer it is no")
			}
		})
	}
	asking.Wait()
	waitFor(t, "looks are under way", func() bool { return running.Load() >= looksPerUser })
	if n := running.Load(); n != looksPerUser {
		t.Errorf("%d looks under way, want %d", n, looksPerUser)
	}
	start := time.Now()
	for pid := range uint32(500) {
		if !l.MayMap(pid+300, 1, 7) {
			t.Error("without a look it is no")
		}
	}
	if took := time.Since(start); took > 6*looksPatience {
		t.Errorf("500 reads without a look took %v", took)
	}
	if l.MayMap(1000, 2, 7) {
		t.Error("another user's process was not looked at")
	}
	waitFor(t, "that look is back", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.running == looksPerUser
	})
	for uid := range uint32(100) {
		asking.Go(func() { l.MayMap(uid+1, uid+10, 7) })
	}
	asking.Wait()
	waitFor(t, "as many looks as may be are under way", func() bool { return running.Load() >= looksAtAll }) // the last may only have begun
	if n := running.Load(); n != looksAtAll {
		t.Errorf("%d looks under way, want %d", n, looksAtAll)
	}
	close(back)
	waitFor(t, "all looks are back", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.running == 0 && len(l.users) == 0
	})
	if l.MayMap(1001, 1, 7) {
		t.Error("nobody looks any more")
	}
}

// TestLooksTakeTurns: who waits for a look of his own that comes back gets his.
func TestLooksTakeTurns(t *testing.T) {
	var running, most atomic.Int32
	l := NewLooks(func(uint32, uint64) bool {
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer running.Add(-1)
		return false
	})
	var asking sync.WaitGroup
	for pid := range uint32(50) {
		asking.Go(func() {
			if l.MayMap(pid+1, 1, 7) {
				t.Error("yes without need")
			}
		})
	}
	asking.Wait()
	if n := most.Load(); n > looksPerUser {
		t.Errorf("%d looks at a time", n)
	}
}

// TestMayMap looks at this process, in both ways.
func TestMayMap(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(pageSize); err != nil {
		t.Fatal(err)
	}
	read := func() bool {
		maps, err := os.Open("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		defer maps.Close()
		return readMaps(maps, st.Ino)
	}
	pid := uint32(os.Getpid())
	if MayMap(pid, st.Ino) || read() {
		t.Error("mapped before it is")
	}
	m, err := syscall.Mmap(int(file.Fd()), 0, pageSize, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(m)
	if !MayMap(pid, st.Ino) || !read() {
		t.Error("not mapped though it is")
	}
	for what, pid := range map[string]uint32{"no process": 0, "a kernel thread": 2, "a process that is not there": 1 << 30} {
		if !MayMap(pid, st.Ino) {
			t.Errorf("%s: it cannot be told, and that is no", what)
		}
	}
}
