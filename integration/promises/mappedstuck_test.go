package promises

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// A silentFS has one file, whose FLUSH is answered once release is closed: who closes it is stuck until then.
type silentFS struct {
	fuse.RawFileSystem
	flushing sync.WaitGroup // counts down at each FLUSH
	release  chan struct{}
}

func (s *silentFS) Lookup(_ <-chan struct{}, _ *fuse.InHeader, _ string, out *fuse.EntryOut) fuse.Status {
	out.NodeId, out.Attr.Mode, out.Attr.Nlink = 2, syscall.S_IFREG|0o666, 1
	return fuse.OK
}

func (s *silentFS) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	out.Attr.Mode, out.Attr.Nlink = syscall.S_IFDIR|0o777, 2
	if in.NodeId != 1 {
		out.Attr.Mode = syscall.S_IFREG | 0o666
	}
	return fuse.OK
}

func (s *silentFS) Open(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status { return fuse.OK }

func (s *silentFS) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status {
	s.flushing.Done()
	<-s.release
	return fuse.OK
}

// holes is how many READs of holes a helper asks for before it is stuck: with those of all helpers fewer than the kernel
// sends without waiting for answers (fs/fuse/dev.c, fuse_block_alloc).
const holes = 24

func init() {
	// Opens what it needs, says so, waits for its standard input to end, has holes of args[0] read ahead and is stuck
	// inside execve on args[1].
	harness.Helper("stuck-in-exec", func(args []string) int {
		const apart = 1 << 20
		fd, err := unix.Open(args[0], unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		if err == nil {
			err = unix.Ftruncate(fd, holes*apart)
		}
		if err == nil {
			_, err = unix.Open(args[1], unix.O_RDWR|unix.O_CLOEXEC, 0)
		}
		fmt.Println("ready")
		bufio.NewReader(os.Stdin).ReadByte()
		for i := int64(0); err == nil && i < holes; i++ {
			err = unix.Fadvise(fd, i*apart, page, unix.FADV_WILLNEED)
		}
		if err == nil {
			err = unix.Exec("/bin/true", []string{"true"}, nil)
		}
		fmt.Fprintln(os.Stderr, err)
		return 1
	})
}

// A stuckCaller is a helper that is going to be stuck.
type stuckCaller struct {
	cmd  *exec.Cmd
	goOn io.Closer
}

// startStuck starts a helper and waits until it has opened its files.
func startStuck(t *testing.T, path, silent string) (s stuckCaller) {
	t.Helper()
	s.cmd = harness.Ordinary(t).As(harness.HelperCommand("stuck-in-exec", path, silent))
	s.cmd.Stderr = os.Stderr
	in, err := s.cmd.StdinPipe()
	check(t, "pipe", err)
	out, err := s.cmd.StdoutPipe()
	check(t, "pipe", err)
	check(t, "helper", s.cmd.Start())
	s.goOn = in
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("helper: %q, %v", line, err)
	}
	return s
}

// mountSilent mounts a silentFS for that many callers. It answers, and is gone, at the end of the test.
func mountSilent(t *testing.T, callers int) (*silentFS, string) {
	t.Helper()
	s := &silentFS{RawFileSystem: fuse.NewDefaultRawFileSystem(), release: make(chan struct{})}
	s.flushing.Add(callers)
	dir := harness.Mkdir(t, harness.Current())
	server, err := fuse.NewServer(s, dir, &fuse.MountOptions{DirectMountStrict: true, AllowOther: true, Name: "silent"})
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return s, dir
}

// TestStuckCaller: callers who are stuck inside execve, of whom /proc tells nothing for as long as they like, take a
// few threads of the daemon for a while and nobody's time.
func TestStuckCaller(t *testing.T) {
	if !harness.Root() {
		t.Fatal("only root mounts for several users")
	}
	const callers = 4
	for _, via := range transports() {
		t.Run(via, func(t *testing.T) {
			silent, dir := mountSilent(t, callers)
			m := harness.Start(t, harness.Current(), "--allow-other", "--user-size=64MiB", "--transport="+via)
			var stuck []stuckCaller
			for i := range callers {
				stuck = append(stuck, startStuck(t, fmt.Sprintf("%s/%d", m.Dir, i), dir+"/file"))
			}
			defer func() {
				close(silent.release)
				for _, s := range stuck {
					check(t, "helper", s.cmd.Wait())
				}
			}()
			// What they ask for is answered only when they are stuck.
			check(t, "stop the daemon", unix.Kill(m.PID, unix.SIGSTOP))
			for _, s := range stuck {
				s.goOn.Close()
			}
			silent.flushing.Wait()
			check(t, "continue the daemon", unix.Kill(m.PID, unix.SIGCONT))
			harness.Eventually(t, "the daemon waits for them", func() bool { return waitingThreads(t, m) > 0 },
				func() string { return "no thread looks: the callers are not stuck" })
			most, slowest := workBeside(t, m)
			if most > stuckLooks {
				t.Errorf("%d threads wait for the stuck callers, want %d at most", most, stuckLooks)
			}
			if slowest > time.Second {
				t.Errorf("another user waited %v", slowest)
			}
			t.Logf("%d threads wait, another user waited %v at most", most, slowest)
		})
	}
}

// stuckLooks is how many of the daemon's threads may wait for one user's processes.
const stuckLooks = 2

// waitingThreads is how many threads of the daemon wait to look at a process (kernel/fork.c, mm_access).
func waitingThreads(t *testing.T, m *harness.Mount) (n int) {
	t.Helper()
	stacks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stack", m.PID))
	if err != nil || len(stacks) == 0 {
		t.Fatalf("no threads: %v", err)
	}
	for _, path := range stacks {
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), "mm_access") {
			n++
		}
	}
	return n
}

// workBeside makes, writes and removes files as another user for a while; it returns how many threads of the daemon
// waited for a look at most, and how long one round took at most.
func workBeside(t *testing.T, m *harness.Mount) (most int, slowest time.Duration) {
	t.Helper()
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		start := time.Now()
		path := m.Dir + "/beside"
		check(t, "write", os.WriteFile(path, []byte("x"), 0o600))
		check(t, "remove", os.Remove(path))
		slowest = max(slowest, time.Since(start))
		most = max(most, waitingThreads(t, m))
	}
	return most, slowest
}
