package promises

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var _ = register("storm", stormCaller)

// A stormCount is what a caller says at its end.
type stormCount struct {
	Rounds      int64
	Signals     int64  // handled, at least
	Interrupted int64  // operations that gave EINTR and were made again
	Counted     int64  // increments of each shared counter
	Ended       string // what took the filesystem away
}

// A storming is a process that makes one operation after the other, on a thread of its own, and looks at every result.
type storming struct {
	stormCount
	dir    string // its own
	shared string // of all
	random *rand.Rand
	number uint64
	err    error // the first one; nothing is done any more after it
}

// stormCaller is the helper: arguments are the mount, "signals" or "quiet", and "steady" or "ending". It says
// "ready" when it is at work, goes on until its standard input ends, and says a stormCount. It fails at the first
// error, but for those that the end of the filesystem may give where that is ending.
func stormCaller(args []string) int {
	runtime.LockOSThread()
	pid := uint64(os.Getpid())
	s := &storming{shared: args[0] + "/shared", dir: filepath.Join(args[0], strconv.Itoa(os.Getpid())), random: rand.New(rand.NewPCG(pid, pid))}
	s.storm(args[1] == "signals")
	if args[2] == "ending" && (endOfMount(s.err) || s.isEmptied()) {
		s.Ended, s.err = s.err.Error(), nil
	}
	if s.err != nil {
		fmt.Fprintf(os.Stderr, "round %d: %v\n", s.Rounds, s.err)
		return 1
	}
	json.NewEncoder(os.Stdout).Encode(s.stormCount)
	return 0
}

// endOfMount says whether err is one that a caller may get when the mount or its daemon goes. ENOENT is what the
// directory below the mount says. ECANCELED is the kernel's for a request that a ring's killed thread did not get any
// more (fs/fuse/dev_uring.c, fuse_uring_send_in_task).
func endOfMount(err error) bool {
	return slices.ContainsFunc([]error{unix.ENOTCONN, unix.ECONNABORTED, unix.ECANCELED, unix.EIO, unix.ENOENT},
		func(e error) bool { return errors.Is(err, e) })
}

// isEmptied reports whether the error is what a caller may meet who still has a file when the filesystem has come to an
// orderly end: there is less in it than there was, or no room in it, and the filesystem is gone (vanishfs(5), The end of a mount).
func (s *storming) isEmptied() bool {
	if !errors.Is(s.err, errLess) && !errors.Is(s.err, unix.ENOSPC) {
		return false
	}
	return harness.Within(harness.Patience, func() bool {
		var st unix.Stat_t
		return endOfMount(unix.Stat(s.dir, &st))
	})
}

// errLess is content of which the end is missing, and the rest right.
var errLess = errors.New("wrong: there is less in the file than was written")

func (s *storming) storm(signals bool) {
	var stop atomic.Bool
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop.Store(true)
	}()
	if signals {
		came := make(chan os.Signal, 1)
		s.err = errors.Join(bombard(came, unix.SIGALRM, 300*time.Microsecond), bombard(came, unix.SIGUSR1, 470*time.Microsecond))
		var count atomic.Int64
		defer func() { s.Signals = count.Load() }()
		go func() {
			for range came {
				count.Add(1)
			}
		}()
	}
	s.do("mkdir", func() error { return unix.Mkdir(s.dir, 0o700) })
	scenes := []func(){s.file, s.tmpfile, s.mapping, s.names, s.listing, s.space, s.flocked, s.recordLocked}
	for ; s.err == nil && (!stop.Load() || s.Rounds == 0); s.Rounds++ {
		s.random.Shuffle(len(scenes), func(i, j int) { scenes[i], scenes[j] = scenes[j], scenes[i] })
		for i, scene := range scenes {
			scene()
			if s.err == nil && s.Rounds == 0 && i == 0 {
				fmt.Println("ready")
			}
		}
	}
}

// mayBeInterrupted are the operations to which POSIX, and for flock and fallocate their manual pages, give an EINTR.
var mayBeInterrupted = []string{"open", "read", "write", "fsync", "truncate", "fallocate", "flock", "fcntl", "statfs"}

// do makes an operation until it is not interrupted.
func (s *storming) do(op string, f func() error) {
	for s.err == nil {
		err := f()
		if err == unix.EINTR && slices.Contains(mayBeInterrupted, op) {
			s.Interrupted++
			continue
		}
		if err != nil {
			s.err = fmt.Errorf("%s: %w", op, err)
		}
		return
	}
}

// refused makes an operation that has to give an error.
func (s *storming) refused(op string, want error, f func() error) {
	s.do(op, func() error {
		switch err := f(); err {
		case want:
			return nil
		case nil:
			return fmt.Errorf("no error, want %q", want)
		default:
			return err
		}
	})
}

// wrong is a result that no filesystem may give.
func (s *storming) wrong(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("wrong: "+format, args...)
	}
}

func (s *storming) name() string {
	s.number++
	return fmt.Sprintf("%s/%d", s.dir, s.number%50)
}

// with opens a file for the length of f.
func (s *storming) with(path string, flags int, f func(fd int)) {
	fd := -1
	s.do("open", func() (err error) {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
		return err
	})
	if s.err == nil {
		defer unix.Close(fd)
		f(fd)
	}
}

// content is random bytes, that no other content has: one to that many.
func (s *storming) content(most int) []byte { return s.bytes(1 + s.random.IntN(most)) }

func (s *storming) bytes(n int) []byte {
	p := make([]byte, 0, n+8)
	for word := s.random.Uint64(); len(p) < n; word = word*6364136223846793005 + 1442695040888963407 {
		p = binary.LittleEndian.AppendUint64(p, word)
	}
	return p[:n]
}

func (s *storming) write(fd int, p []byte, off int64) {
	for len(p) > 0 && s.err == nil {
		n := 0
		s.do("write", func() (err error) {
			n, err = unix.Pwrite(fd, p, off)
			return err
		})
		p, off = p[max(n, 0):], off+int64(n)
	}
}

// expect sees that this is what the file holds.
func (s *storming) expect(fd int, want []byte) {
	got := make([]byte, len(want)+1)
	have := 0
	for n := 1; n > 0 && s.err == nil; have += n {
		s.do("read", func() (err error) {
			n, err = unix.Pread(fd, got[have:], int64(have))
			return err
		})
		n = max(n, 0)
	}
	at := 0
	for at < min(have, len(want)) && got[at] == want[at] {
		at++
	}
	switch {
	case s.err != nil:
	case at == have && have < len(want):
		s.err = fmt.Errorf("%w: %d bytes of %d", errLess, have, len(want))
	case at < len(want) || have != len(want):
		s.wrong("read %d bytes, want %d, and the first %d are right", have, len(want), at)
	}
}

func (s *storming) stat(fd int) (st unix.Stat_t) {
	s.do("stat", func() error { return unix.Fstat(fd, &st) })
	return st
}

func (s *storming) truncate(fd, size int) {
	s.do("truncate", func() error { return unix.Ftruncate(fd, int64(size)) })
}

func (s *storming) unlink(path string) {
	s.do("unlink", func() error { return unix.Unlink(path) })
}

const newFile = unix.O_CREAT | unix.O_EXCL | unix.O_RDWR

// file writes in two parts, reads, cuts and removes.
func (s *storming) file() {
	most := 100 << 10
	if s.random.IntN(8) == 0 {
		most = 1500 << 10 // more than a request
	}
	path, data := s.name(), s.content(most)
	half := s.random.IntN(len(data))
	s.with(path, newFile, func(fd int) {
		s.write(fd, data[half:], int64(half))
		s.write(fd, data[:half], 0)
		s.expect(fd, data)
		size := s.stat(fd).Size
		switch {
		case s.err != nil:
		case size < int64(len(data)):
			s.err = fmt.Errorf("%w: size %d of %d", errLess, size, len(data))
		case size > int64(len(data)):
			s.wrong("size %d, want %d", size, len(data))
		}
	})
	s.with(path, unix.O_RDWR, func(fd int) {
		s.expect(fd, data)
		s.truncate(fd, half)
		s.unlink(path)
		s.expect(fd, data[:half])
		s.do("fsync", func() error { return unix.Fsync(fd) })
	})
}

func (s *storming) tmpfile() {
	path, data := s.name(), s.content(20<<10)
	s.with(s.dir, unix.O_TMPFILE|unix.O_RDWR, func(fd int) {
		s.write(fd, data, 0)
		s.do("linkat", func() error {
			return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
		})
	})
	s.with(path, unix.O_RDONLY, func(fd int) { s.expect(fd, data) })
	s.unlink(path)
}

func (s *storming) mapping() {
	path, data := s.name(), s.content(64<<10)
	s.with(path, newFile, func(fd int) {
		s.write(fd, data, 0)
		var m []byte
		s.do("mmap", func() (err error) {
			m, err = unix.Mmap(fd, 0, len(data), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			return err
		})
		s.change(m, data)
		s.do("msync", func() error { return unix.Msync(m, unix.MS_SYNC) })
		s.expect(fd, data)
		s.do("munmap", func() error { return unix.Munmap(m) })
		s.unlink(path)
	})
}

// change writes in a mapping of data, and in data. A fault that has no page is EIO.
func (s *storming) change(m, data []byte) {
	debug.SetPanicOnFault(true)
	s.do("fault", func() (err error) {
		defer func() {
			if recover() != nil {
				err = unix.EIO
			}
		}()
		if !bytes.Equal(m, data) {
			s.wrong("a mapping is not what was written")
		}
		for i := s.random.IntN(1000); i < len(m); i += 3000 {
			m[i]++
			data[i]++
		}
		return nil
	})
}

func (s *storming) names() {
	a, b, c, d := s.name(), s.name(), s.name(), s.name()
	data := s.content(100)
	s.with(a, newFile, func(fd int) { s.write(fd, data, 0) })
	s.with(b, newFile, func(fd int) { s.write(fd, []byte("replaced"), 0) })
	s.do("rename", func() error { return unix.Rename(a, b) })
	s.do("link", func() error { return unix.Link(b, c) })
	s.do("symlink", func() error { return unix.Symlink(c, d) })
	s.refused("stat", unix.ENOENT, func() error { return unix.Lstat(a, new(unix.Stat_t)) })
	s.with(d, unix.O_RDONLY, func(fd int) {
		s.expect(fd, data)
		if n := s.stat(fd).Nlink; n != 2 {
			s.wrong("%d links, want 2", n)
		}
	})
	for _, name := range []string{b, c, d} {
		s.unlink(name)
	}
}

func (s *storming) listing() {
	dir := s.name()
	s.do("mkdir", func() error { return unix.Mkdir(dir, 0o700) })
	var want []string
	for i := range 1 + s.random.IntN(40) {
		want = append(want, fmt.Sprintf("%s-%d", filepath.Base(dir), i))
		s.with(filepath.Join(dir, want[i]), newFile, func(int) {})
	}
	got := s.list(dir)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		s.wrong("listing %q, want %q", got, want)
	}
	s.refused("rmdir", unix.ENOTEMPTY, func() error { return unix.Rmdir(dir) })
	for _, name := range want {
		s.unlink(filepath.Join(dir, name))
	}
	s.do("rmdir", func() error { return unix.Rmdir(dir) })
}

func (s *storming) list(dir string) (names []string) {
	buf := make([]byte, 512) // so that it takes several calls
	s.with(dir, unix.O_RDONLY|unix.O_DIRECTORY, func(fd int) {
		for n := 1; n > 0 && s.err == nil; {
			s.do("getdents", func() (err error) {
				n, err = unix.ReadDirent(fd, buf)
				return err
			})
			_, _, names = unix.ParseDirent(buf[:max(n, 0)], -1, names)
		}
	})
	return names
}

// space reserves, makes a hole and grows.
func (s *storming) space() {
	const page, size = 4096, 128 << 10
	path, data := s.name(), s.bytes(10*page)
	want := make([]byte, size+3*page)
	copy(want, data)
	clear(want[2*page : 5*page])
	s.with(path, newFile, func(fd int) {
		s.do("fallocate", func() error { return unix.Fallocate(fd, 0, 0, size) })
		s.write(fd, data, 0)
		s.do("fallocate", func() error {
			return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 2*page, 3*page)
		})
		s.truncate(fd, len(want))
		s.expect(fd, want)
		s.do("statfs", func() error { return unix.Fstatfs(fd, new(unix.Statfs_t)) })
		s.unlink(path)
	})
}

// flocked and recordLocked add to a number that only a lock guards, which is held for long enough that others wait.
func (s *storming) flocked() {
	s.with(s.shared+"/flock", unix.O_RDWR, func(fd int) {
		s.do("flock", func() error { return unix.Flock(fd, unix.LOCK_EX) })
		s.count(fd)
		s.file()
	}) // which unlocks
}

func (s *storming) recordLocked() {
	s.with(s.shared+"/record", unix.O_RDWR, func(fd int) {
		lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 8}
		s.do("fcntl", func() error { return unix.FcntlFlock(uintptr(fd), unix.F_SETLKW, &lock) })
		s.count(fd)
		s.Counted++
		s.file()
	})
}

func (s *storming) count(fd int) {
	var p [8]byte
	s.do("read", func() error {
		_, err := unix.Pread(fd, p[:], 0)
		return err
	})
	binary.LittleEndian.PutUint64(p[:], binary.LittleEndian.Uint64(p[:])+1)
	s.write(fd, p[:], 0)
}
