package promises

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// A crowd is a process whose many threads do one thing, the worst that its user may, over and over.
var _ = register("crowd", crowd)

// crowdThreads is how many threads of one user do their worst.
const crowdThreads = 64

// A nuisance is what one thread of a crowd does. It is given a name of its own in the shared directory, and one that
// all of the crowd share, and returns what is done over and over. Errors are no matter: a full mount gives many.
type nuisance func(own, shared string) (again func())

// large is what a nuisance takes at a time, bytes.
const (
	large  = 1 << 30
	medium = 64 << 20
)

// nuisances are by name, so that each is a row of the test.
var nuisances = map[string]nuisance{
	"fallocate": func(own, _ string) func() {
		fd := openNew(own)
		return func() {
			_ = unix.Fallocate(fd, 0, 0, large)
			_ = unix.Ftruncate(fd, 0)
		}
	},
	"punch": func(own, _ string) func() {
		fd := openNew(own)
		return func() {
			_ = unix.Fallocate(fd, 0, 0, medium)
			_ = unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 1<<62)
		}
	},
	"copy": func(own, shared string) func() {
		from, to := openShared(shared), openNew(own)
		_ = unix.Fallocate(from, 0, 0, medium)
		return func() {
			var in, out int64
			_, _ = unix.CopyFileRange(from, &in, to, &out, medium, 0)
		}
	},
	"unlink": func(own, _ string) func() {
		return func() {
			fd := openNew(own)
			_ = unix.Fallocate(fd, 0, 0, medium)
			unix.Close(fd)
			_ = unix.Unlink(own)
		}
	},
	"rename": func(own, _ string) func() {
		return func() {
			fd := openNew(own)
			_ = unix.Fallocate(fd, 0, 0, medium)
			unix.Close(fd)
			unix.Close(openNew(own + "-new"))
			_ = unix.Rename(own+"-new", own)
		}
	},
	"empty": func(own, _ string) func() {
		return func() {
			fd, err := unix.Open(own, unix.O_RDWR|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC, 0o600)
			if err == nil {
				_ = unix.Fallocate(fd, 0, 0, medium)
				unix.Close(fd)
			}
		}
	},
	"last close": func(own, _ string) func() {
		return func() {
			fd := openNew(own)
			_ = unix.Unlink(own)
			_ = unix.Fallocate(fd, 0, 0, medium)
			unix.Close(fd)
		}
	},
	"list": func(_, shared string) func() {
		dir := shared + "-dir"
		if unix.Mkdir(dir, 0o700) == nil {
			for i := range 50_000 {
				fd, err := unix.Open(dir+"/"+strconv.Itoa(i), unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
				if err == nil {
					unix.Close(fd)
				}
			}
		}
		buf := make([]byte, 1<<20)
		return func() {
			fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			if err != nil {
				return
			}
			for n := 1; n > 0 && err == nil; {
				n, err = unix.Getdents(fd, buf)
			}
			unix.Close(fd)
		}
	},
	"attributes": func(own, _ string) func() {
		unix.Close(openNew(own))
		value := make([]byte, 64<<10)
		return func() {
			_ = unix.Setxattr(own, "user.large", value, 0)
			_ = unix.Removexattr(own, "user.large")
		}
	},
	"links": func(own, _ string) func() {
		dir := own + "-dir"
		_ = unix.Mkdir(dir, 0o700)
		return func() {
			fd := openNew(own)
			for i := range 2000 {
				_ = unix.Link(own, dir+"/"+strconv.Itoa(i))
			}
			_ = unix.Setxattr(own, "user.vanish.remove", []byte("close"), 0)
			unix.Close(fd)
			for i := range 2000 {
				_ = unix.Unlink(dir + "/" + strconv.Itoa(i))
			}
			_ = unix.Unlink(own)
		}
	},
	"write": func(own, _ string) func() {
		fd := openNew(own)
		data := make([]byte, 1<<20)
		var at int64
		return func() {
			_, _ = unix.Pwrite(fd, data, at%(16<<20))
			at += int64(len(data))
		}
	},
	"read": func(own, _ string) func() {
		fd := openNew(own)
		data := make([]byte, 1<<20)
		for at := range int64(8) {
			_, _ = unix.Pwrite(fd, data, at<<20)
		}
		return func() {
			_ = unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED)
			for at := range int64(8) {
				_, _ = unix.Pread(fd, data, at<<20)
			}
		}
	},
	"seek": func(_, shared string) func() {
		fd := openShared(shared)
		_ = unix.Fallocate(fd, 0, 0, large/2)
		return func() {
			_, _ = unix.Seek(fd, 0, unix.SEEK_DATA)
			_, _ = unix.Seek(fd, 0, unix.SEEK_HOLE)
		}
	},
	"faults beside fallocate": func(own, _ string) func() {
		fd := openNew(own)
		_ = unix.Ftruncate(fd, medium)
		mapped, err := unix.Mmap(fd, 0, medium, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return func() {}
		}
		go func() {
			for {
				_ = unix.Fallocate(fd, 0, 0, medium)
				_ = unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, medium)
			}
		}()
		return func() { _ = unix.Madvise(mapped, unix.MADV_POPULATE_READ) }
	},
}

func openNew(name string) int { return openAs(name, unix.O_EXCL) }

func openShared(name string) int { return openAs(name, 0) }

// openAs is a descriptor that nothing can be done with if the mount has no room for it.
func openAs(name string, flags int) int {
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC|flags, 0o600)
	if err != nil {
		return -1
	}
	return fd
}

// crowd is the helper: arguments are the mount and the name of a nuisance. It says how often each thread came round at
// least, as long as its standard input is open.
func crowd(args []string) int {
	dir, what := args[0], nuisances[args[1]]
	var done atomic.Bool
	var rounds atomic.Int64
	var all sync.WaitGroup
	for i := range crowdThreads {
		all.Go(func() {
			runtime.LockOSThread()
			again := what(filepath.Join(dir, fmt.Sprint("crowd-", i)), filepath.Join(dir, "crowd"))
			for !done.Load() {
				again()
				rounds.Add(1)
			}
		})
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	done.Store(true)
	fmt.Println(rounds.Load())
	return 0 // who is in the middle of something goes with the process
}

// A passer-by is another user, who makes, looks at and removes files now and then.
var _ = register("passerby", passerBy)

// passerBy is the helper: arguments are the directory, how long, and perhaps "apart": then he has one of his own in it.
// It says how long each of its calls took.
func passerBy(args []string) int {
	runtime.LockOSThread()
	length, err := time.ParseDuration(args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	p := &passing{dir: args[0]}
	if len(args) > 2 && args[2] == "apart" {
		p.dir = filepath.Join(args[0], "passer-by's")
		if err := unix.Mkdir(p.dir, 0o700); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	for end := time.Now().Add(length); time.Now().Before(end) && p.err == nil; {
		p.round()
		unix.Nanosleep(&unix.Timespec{Nsec: 2e6}, nil)
	}
	if p.err != nil {
		fmt.Fprintln(os.Stderr, p.err)
		return 1
	}
	return exitCode(json.NewEncoder(os.Stdout).Encode(p.took))
}

func exitCode(err error) int {
	if err != nil {
		return 1
	}
	return 0
}

type passing struct {
	dir  string
	took []time.Duration
	err  error
}

func (p *passing) time(what string, call func() error) {
	if p.err != nil {
		return
	}
	start := time.Now()
	err := call()
	p.took = append(p.took, time.Since(start))
	if err != nil && !errors.Is(err, unix.ENOSPC) {
		p.err = fmt.Errorf("%s: %w", what, err)
	}
}

func (p *passing) round() {
	file, dir := filepath.Join(p.dir, "passer-by"), filepath.Join(p.dir, "passer-by-dir")
	made := false
	p.time("create", func() error {
		fd, err := unix.Open(file, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		if err == nil {
			made = true
			unix.Close(fd)
		}
		return err
	})
	var st unix.Stat_t
	p.time("stat", func() error {
		if err := unix.Stat(file+"-missing", &st); err != unix.ENOENT {
			return fmt.Errorf("of a missing file: %v", err)
		}
		return nil
	})
	if made {
		p.time("unlink", func() error { return unix.Unlink(file) })
	}
	if made = false; true {
		p.time("mkdir", func() error {
			err := unix.Mkdir(dir, 0o700)
			made = err == nil
			return err
		})
	}
	if made {
		p.time("rmdir", func() error { return unix.Rmdir(dir) })
	}
}

// A delay is what a passer-by met.
type delay struct {
	calls             int
	median, most, p99 time.Duration
}

func (d delay) String() string {
	return fmt.Sprintf("%5d calls: median %7.2f ms, 99 %% %7.2f ms, at most %7.2f ms", d.calls, ms(d.median), ms(d.p99), ms(d.most))
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

func delayOf(took []time.Duration) delay {
	slices.Sort(took)
	n := len(took)
	return delay{n, took[n/2], took[n-1], took[n-1-n/100]}
}

// helperAs is a helper's process, run by another user than the mount's, in a session of its own: as users who log in
// it has its share of the CPUs then, however many threads another one has (kernel/sched/autogroup.c).
func helperAs(u harness.User, name string, args ...string) *exec.Cmd {
	cmd := u.As(harness.HelperCommand(name, args...))
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setsid = true
	return cmd
}
