package transport

import (
	"errors"
	"os"
	"os/exec"
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

// TestEntriesPerQueue: what waits in line keeps its entry, so that a queue has more than one user's 64 threads
// take, except where many CPUs would make that many thousands.
func TestEntriesPerQueue(t *testing.T) {
	for queues, want := range map[int]int{1: 96, 2: 96, 32: 96, 64: 64, 128: 32, 256: 16, 4096: 4} {
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

// fallocate makes a request of a file of its own, on a CPU, and says how it ended.
func fallocate(t *testing.T, m *mounted, cpu int) <-chan error {
	t.Helper()
	fd, err := unix.Open(m.dir, unix.O_TMPFILE|unix.O_RDWR, 0o600)
	must(t, err)
	done := make(chan error, 1)
	go onCPU(t, cpu, func() { done <- errors.Join(unix.Fallocate(fd, 0, 0, 100), unix.Close(fd)) })
	return done
}

// waiting is how many requests of work wait for their turn.
func (s *turns) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heads
}

// TestSlowRequests: whatever one user has asked for that is slow, more than a queue had entries at the start, others
// are not held up on any CPU, and another one's slow request has its turn; then all come back.
func TestSlowRequests(t *testing.T) { eachTransport(t, testSlowRequests) }

func testSlowRequests(t *testing.T, o Options) {
	fsys := slowFS{newMemFS(), make(chan struct{}, 1000), make(chan struct{})}
	m := mount(t, fsys, o)
	work := m.dispatcher.work
	const slowOnes = 200
	var slow []<-chan error
	for n := 1; n <= slowOnes; n++ {
		slow = append(slow, fallocate(t, m, 0))
		if n%50 == 0 { // not more at once than there are entries for
			until(t, "all have come", func() bool { return work.waiting() == n-work.each })
		}
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
	before := len(fsys.arrived)
	top, err := unix.Open(m.dir, unix.O_PATH|unix.O_CLOEXEC, 0) // what it is in is closed to others
	must(t, err)
	defer unix.Close(top)
	asUser(t, 65534, func() {
		fd, err := unix.Openat(top, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		if err != nil {
			t.Error(err)
			return
		}
		defer unix.Close(fd)
		go func() {
			until(t, "the other user's request goes on", func() bool { return len(fsys.arrived) > before })
			close(fsys.letGo)
		}()
		if err := unix.Fallocate(fd, 0, 0, 100); err != nil {
			t.Error(err)
		}
	})
	for _, done := range slow {
		must(t, <-done)
	}
}

// TestInterruptedInLine: who is killed or interrupted while his request waits for its turn does not wait on.
func TestInterruptedInLine(t *testing.T) { eachTransport(t, testInterruptedInLine) }

func testInterruptedInLine(t *testing.T, o Options) {
	fsys := slowFS{newMemFS(), make(chan struct{}, 1000), make(chan struct{})}
	m := mount(t, fsys, o)
	work := m.dispatcher.work
	var slow []<-chan error
	for range work.each {
		slow = append(slow, fallocate(t, m, 0))
	}
	until(t, "no more go on", func() bool { return len(fsys.arrived) == work.each })
	file := filepath.Join(m.dir, "file")
	fd, err := unix.Open(file, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	must(t, err)
	must(t, unix.Close(fd))
	cmd := exec.Command("fallocate", "-l", "100", file)
	must(t, cmd.Start())
	until(t, "one waits", func() bool { return work.waiting() == 1 })
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	if n := work.waiting(); n != 0 {
		t.Errorf("%d wait", n)
	}
	close(fsys.letGo)
	for _, done := range slow {
		must(t, <-done)
	}
	if got := len(fsys.arrived); got != work.each {
		t.Errorf("%d were begun, want %d", got, work.each)
	}
}

// asUser runs f on a thread of that user's, which ends with it.
func asUser(t *testing.T, uid int, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); e != 0 {
			t.Error(e)
			return
		}
		f()
	}()
	<-done
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

func (f slowFreer) SlowCreate(*fuse.CreateIn, string) bool { return false }

func (f slowFreer) SlowSeek(*fuse.LseekIn) bool { return false }

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
			pin := func(cpu, cpus int) error {
				if refused(cpu) {
					return unix.EINVAL
				}
				return pinThread(cpu, cpus)
			}
			m := mount(t, newMemFS(), Options{Transport: transportUring, pin: pin})
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

// held is a name whose LOOKUP holds the thread that answers it, until it is let go.
const held = "held"

func (f slowFS) Lookup(cancel <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if name == held {
		<-f.letGo
	}
	return f.memFS.Lookup(cancel, h, name, out)
}

// TestBurst: more slow requests than a queue has entries, all before its thread looks, come to an end, too.
func TestBurst(t *testing.T) { eachTransport(t, testBurst) }

func testBurst(t *testing.T, o Options) {
	const burst = 3 * idleEntries
	fsys := slowFS{newMemFS(), make(chan struct{}, burst), make(chan struct{})}
	m := mount(t, fsys, o)
	var files [burst]int
	for i := range files {
		fd, err := unix.Open(m.dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		must(t, err)
		defer unix.Close(fd)
		files[i] = fd
	}
	done := make(chan error, burst+1)
	go onCPU(t, 0, func() {
		var st unix.Stat_t
		err := unix.Lstat(filepath.Join(m.dir, held), &st)
		if err == unix.ENOENT {
			err = nil
		}
		done <- err
	})
	until(t, "the thread is held", func() bool { return waitForAnswer(t) == 1 })
	for _, fd := range files {
		go onCPU(t, 0, func() { done <- unix.Fallocate(fd, 0, 0, 100) })
	}
	until(t, "all have come", func() bool { return waitForAnswer(t) == burst+1 })
	close(fsys.letGo)
	ended := 0
	until(t, "all are answered", func() bool {
		for ; len(done) > 0; ended++ {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		return ended == burst+1
	})
}

// waitForAnswer is how many threads of this process wait for the answer to a request.
func waitForAnswer(t *testing.T) (n int) {
	t.Helper()
	places, err := filepath.Glob("/proc/self/task/*/wchan")
	must(t, err)
	for _, place := range places {
		// fs/fuse/dev.c, request_wait_answer; a thread may have ended meanwhile.
		if at, _ := os.ReadFile(place); string(at) == "request_wait_answer" {
			n++
		}
	}
	return n
}

// orderFS notes the names that are looked up and the writes, in order, and holds as slowFS does.
type orderFS struct {
	slowFS
	order chan string
}

func (f orderFS) Lookup(cancel <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	f.order <- strings.Clone(name)
	return f.slowFS.Lookup(cancel, h, name, out)
}

func (f orderFS) Write(cancel <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	f.order <- "write"
	return f.slowFS.Write(cancel, in, data)
}

// TestQuickFirst: what is quick does not wait for many bytes that others have to be written, though these came first.
func TestQuickFirst(t *testing.T) {
	needRoot(t)
	enableUring(t)
	const writes = 8
	fsys := orderFS{slowFS{newMemFS(), nil, make(chan struct{})}, make(chan string, writes+2)}
	m := mount(t, fsys, Options{Transport: transportUring})
	var files [writes]int
	for i := range files {
		fd, err := unix.Open(m.dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		must(t, err)
		defer unix.Close(fd)
		files[i] = fd
	}
	var all sync.WaitGroup
	waiting := 0
	begin := func(call func()) {
		waiting++
		all.Go(func() { onCPU(t, 0, call) })
		until(t, "the request has come", func() bool { return waitForAnswer(t) == waiting })
	}
	find := func(name string) {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(m.dir, name), &st); err != unix.ENOENT {
			t.Error(err)
		}
	}
	begin(func() { find(held) })
	for _, fd := range files {
		begin(func() {
			if n, err := unix.Pwrite(fd, make([]byte, muchData), 0); n != muchData || err != nil {
				t.Error(n, err)
			}
		})
	}
	begin(func() { find("quick") })
	close(fsys.letGo)
	all.Wait()
	if first, second := <-fsys.order, <-fsys.order; first != held || second != "quick" {
		t.Errorf("answered in the order %q, %q", first, second)
	}
}
