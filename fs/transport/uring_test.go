package transport

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

func TestCountCPUs(t *testing.T) {
	for list, want := range map[string]int{"0": 1, "0-1": 2, "0-3,8": 5, "0-255": 256, "0-1,4-5": 4} {
		if n, err := countCPUs(list); n != want || err != nil {
			t.Errorf("%q: %d, %v", list, n, err)
		}
	}
	for _, list := range []string{"", "x", "3-1", "0-", "-1", "0,,1", "0-99999999"} {
		if n, err := countCPUs(list); err == nil {
			t.Errorf("%q: %d", list, n)
		}
	}
}

func TestEntriesPerQueue(t *testing.T) {
	for queues, want := range map[int]int{1: 8, 2: 8, 32: 8, 64: 4, 128: 2, 256: 2, 4096: 2} {
		if n := entriesPerQueue(queues); n != want {
			t.Errorf("%d queues: %d entries each, want %d", queues, n, want)
		}
	}
}

// TestUringSwitchedOff falls back to /dev/fuse and says why.
func TestUringSwitchedOff(t *testing.T) {
	needRoot(t)
	enableUring(t)
	must(t, os.WriteFile(EnableUring, []byte("N"), 0))
	m := mount(t, newMemFS(), Options{})
	f := m.Features()
	if f.Transport != transportDev || len(f.Reasons) != 1 || !strings.Contains(f.Reasons[0], EnableUring) {
		t.Errorf("%+v", f)
	}
}

// slowFS holds FALLOCATE until it is let go.
type slowFS struct {
	*memFS
	arrived chan struct{}
	letGo   chan struct{}
}

func (f slowFS) Fallocate(<-chan struct{}, *fuse.FallocateIn) fuse.Status {
	f.arrived <- struct{}{}
	<-f.letGo
	return fuse.OK
}

// TestSlowRequests: while some are answered beside their queue, others on the
// same CPU are not held up; then all come back, in whatever order.
func TestSlowRequests(t *testing.T) { eachTransport(t, testSlowRequests) }

func testSlowRequests(t *testing.T, o Options) {
	fsys := slowFS{newMemFS(), make(chan struct{}), make(chan struct{})}
	m := mount(t, fsys, o)
	const slowOnes = 3
	var wg sync.WaitGroup
	for range slowOnes {
		fd, err := unix.Open(m.dir, unix.O_TMPFILE|unix.O_RDWR, 0o600)
		must(t, err)
		wg.Go(func() {
			if err := unix.Fallocate(fd, 0, 0, 100); err != nil {
				t.Error(err)
			}
			if err := unix.Close(fd); err != nil {
				t.Error(err)
			}
		})
		<-fsys.arrived
	}
	for cpu := range runtime.NumCPU() {
		onCPU(t, cpu, func() {
			var st unix.Stat_t
			for range 20 {
				if err := unix.Lstat(filepath.Join(m.dir, "missing"), &st); err != unix.ENOENT {
					t.Error(err)
				}
			}
		})
	}
	close(fsys.letGo)
	wg.Wait()
}

// slowFreer holds what removes the file "big" until it is let go.
type slowFreer struct {
	*memFS
	arrived chan string
	letGo   chan struct{}
}

func (f slowFreer) SlowUnlink(dir uint64, name string) bool {
	return dir == fuse.FUSE_ROOT_ID && name == "big"
}
func (f slowFreer) SlowRelease(*fuse.ReleaseIn) bool { return false }

func (f slowFreer) SlowOpen(in *fuse.OpenIn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	big := f.nodes[fuse.FUSE_ROOT_ID].children["big"]
	return big != nil && big.id == in.NodeId && in.Flags&unix.O_TRUNC != 0
}

func (f slowFreer) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if f.SlowOpen(in) {
		f.hold("open", "big")
	}
	return f.memFS.Open(cancel, in, out)
}

func (f slowFreer) hold(what, name string) {
	if name == "big" {
		f.arrived <- what
		<-f.letGo
	}
}

func (f slowFreer) Unlink(cancel <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	f.hold("unlink", name)
	return f.memFS.Unlink(cancel, h, name)
}

func (f slowFreer) Rename(cancel <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	f.hold("rename", to)
	return f.memFS.Rename(cancel, in, from, to)
}

// TestSlowRemoval: what removes much does not hold up others on the same CPU.
func TestSlowRemoval(t *testing.T) { eachTransport(t, testSlowRemoval) }

func testSlowRemoval(t *testing.T, o Options) {
	fsys := slowFreer{newMemFS(), make(chan string), make(chan struct{})}
	m := mount(t, fsys, o)
	big, other := filepath.Join(m.dir, "big"), filepath.Join(m.dir, "other")
	// The kernel locks the directory meanwhile.
	must(t, os.Mkdir(filepath.Join(m.dir, "beside"), 0o700))
	missing := filepath.Join(m.dir, "beside", "missing")
	for what, remove := range map[string]func() error{
		"unlink": func() error { return unix.Unlink(big) },
		"rename": func() error { return unix.Rename(other, big) },
		"open":   func() error { return os.WriteFile(big, nil, 0o600) },
	} {
		for _, file := range []string{big, other} {
			fd, err := unix.Open(file, unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
			must(t, err)
			unix.Close(fd)
		}
		done := make(chan error, 1)
		go func() { done <- remove() }()
		if arrived := <-fsys.arrived; arrived != what {
			t.Errorf("%s arrived, want %s", arrived, what)
		}
		for cpu := range runtime.NumCPU() {
			onCPU(t, cpu, func() {
				var st unix.Stat_t
				for range 20 {
					if err := unix.Lstat(missing, &st); err != unix.ENOENT {
						t.Error(err)
					}
				}
			})
		}
		fsys.letGo <- struct{}{}
		must(t, <-done)
	}
}

// onCPU runs f on a thread that is pinned to cpu and ends with it.
func onCPU(t *testing.T, cpu int, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var set unix.CPUSet
		set.Set(cpu)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			t.Logf("cpu %d: %v", cpu, err)
		}
		f()
	}()
	<-done
}

// TestUnpinnable: queues whose CPU no thread can be pinned to are served all the same.
func TestUnpinnable(t *testing.T) {
	needRoot(t)
	for name, refused := range map[string]func(cpu int) bool{
		"one":  func(cpu int) bool { return cpu == 0 },
		"all":  func(int) bool { return true },
		"none": func(int) bool { return false },
	} {
		t.Run(name, func(t *testing.T) {
			enableUring(t)
			before := pinThread
			t.Cleanup(func() { pinThread = before })
			pinThread = func(cpu, cpus int) error {
				if refused(cpu) {
					return unix.EINVAL
				}
				return before(cpu, cpus)
			}
			m := mount(t, newMemFS(), Options{Transport: transportUring})
			for cpu := range runtime.NumCPU() {
				onCPU(t, cpu, func() {
					if err := os.Mkdir(filepath.Join(m.dir, string(rune('a'+cpu))), 0o700); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}
