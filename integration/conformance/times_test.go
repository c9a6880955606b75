package conformance

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/fs/store/storetest"
	"vanishfs/integration/harness"
)

var timeCases = map[string]harness.Case{
	"TimesOfParents":   timesOfParents,
	"TimesOfFiles":     timesOfFiles,
	"TimesOfReplaced":  timesOfReplaced,
	"Utimensat":        utimensat,
	"UtimensatErrors":  utimensatErrors,
	"TimesFar":         timesFar,
	"TimesOfListing":   timesOfListing,
	"TimesOfMmapWrite": timesOfMmapWrite,
	"BirthTime":        birthTime,
	"TimesOfReading":   timesOfReading,
}

// moved says which stamps of path an operation moved, as letters of "mc".
func moved(t *testing.T, path string, f func() error) string {
	t.Helper()
	before := lstat(t, path)
	tick(t)
	ok(t, "operation", f())
	after, s := lstat(t, path), ""
	if after.Mtim != before.Mtim {
		s += "m"
	}
	if after.Ctim != before.Ctim {
		s += "c"
	}
	return s
}

func timesOfParents(t *testing.T, tree harness.Tree) {
	d, e := tree.Dir+"/d", tree.Dir+"/e"
	ok(t, "mkdir", unix.Mkdir(d, 0o755))
	ok(t, "mkdir", unix.Mkdir(e, 0o755))
	create(t, tree.Dir+"/outside", "")
	for _, c := range []struct {
		what string
		f    func() error
		want string
	}{
		{"create", func() error { return os.WriteFile(d+"/f", nil, 0o600) }, "mc"},
		{"write", func() error { return os.WriteFile(d+"/f", []byte("x"), 0o600) }, ""},
		{"stat", func() error { _, err := os.Stat(d + "/f"); return err }, ""},
		{"mkdir", func() error { return unix.Mkdir(d+"/d", 0o700) }, "mc"},
		{"mkfifo", func() error { return unix.Mkfifo(d+"/p", 0o600) }, "mc"},
		{"symlink", func() error { return unix.Symlink("x", d+"/l") }, "mc"},
		{"link", func() error { return unix.Link(tree.Dir+"/outside", d+"/h") }, "mc"},
		{"rename within", func() error { return unix.Rename(d+"/h", d+"/i") }, "mc"},
		{"unlink", func() error { return unix.Unlink(d + "/i") }, "mc"},
		{"rmdir", func() error { return unix.Rmdir(d + "/d") }, "mc"},
		{"rename out", func() error { return unix.Rename(d+"/f", e+"/f") }, "mc"},
		{"rename in", func() error { return unix.Rename(e+"/f", d+"/f") }, "mc"},
		{"exchange", func() error { return renameat2(d+"/f", d+"/p", unix.RENAME_EXCHANGE) }, "mc"},
		{"chmod of a child", func() error { return unix.Chmod(d+"/f", 0o400) }, ""},
		{"O_TMPFILE", func() error {
			fd, err := unix.Open(d, unix.O_TMPFILE|unix.O_RDWR, 0o600)
			unix.Close(fd)
			return err
		}, ""},
		{"failed create", func() error {
			if _, err := unix.Open(d+"/f", unix.O_CREAT|unix.O_EXCL, 0o600); err != unix.EEXIST {
				return err
			}
			return nil
		}, ""},
		{"chmod", func() error { return unix.Chmod(d, 0o700) }, "c"},
	} {
		if got := moved(t, d, c.f); got != c.want {
			t.Errorf("%s moves %q of the directory's times, want %q", c.what, got, c.want)
		}
	}
}

func timesOfFiles(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	fd := open(t, f, unix.O_CREAT|unix.O_RDWR, 0o644)
	for _, c := range []struct {
		what string
		f    func() error
		want string
	}{
		{"write", func() error { _, err := unix.Write(fd, []byte("hello")); return err }, "mc"},
		{"read", func() error { _, err := unix.Pread(fd, make([]byte, 5), 0); return err }, ""},
		{"empty write", func() error { _, err := unix.Write(fd, nil); return err }, ""},
		{"ftruncate", func() error { return unix.Ftruncate(fd, 2) }, "mc"},
		{"truncate to a greater size", func() error { return unix.Truncate(f, 10) }, "mc"},
		{"chmod", func() error { return unix.Chmod(f, 0o600) }, "c"},
		{"chown to oneself", func() error { return unix.Chown(f, os.Geteuid(), os.Getegid()) }, "c"},
		{"link", func() error { return unix.Link(f, f+"2") }, "c"},
		{"unlink of the other name", func() error { return unix.Unlink(f + "2") }, "c"},
		{"fallocate", func() error { return unix.Fallocate(fd, 0, 0, 8192) }, "mc"},
		{"punch hole", func() error {
			return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4096)
		}, "mc"},
		{"setxattr", func() error { return unix.Setxattr(f, "user.t", []byte("v"), 0) }, "c"},
		{"O_TRUNC", func() error { return os.WriteFile(f, nil, 0o600) }, "mc"},
	} {
		if got := moved(t, f, c.f); got != c.want {
			t.Errorf("%s moves %q of the file's times, want %q", c.what, got, c.want)
		}
	}
	before := lstat(t, f)
	tick(t)
	ok(t, "rename", unix.Rename(f, f+"2"))
	if after := lstat(t, f+"2"); after.Ctim == before.Ctim || after.Mtim != before.Mtim {
		t.Errorf("rename: ctime %v to %v, mtime %v to %v", before.Ctim, after.Ctim, before.Mtim, after.Mtim)
	}
}

// A file that loses its last name to a rename has its ctime moved.
func timesOfReplaced(t *testing.T, tree harness.Tree) {
	create(t, tree.Dir+"/f", "")
	create(t, tree.Dir+"/g", "")
	fd := open(t, tree.Dir+"/g", unix.O_RDONLY, 0)
	before := fstat(t, fd)
	tick(t)
	ok(t, "rename", unix.Rename(tree.Dir+"/f", tree.Dir+"/g"))
	if fstat(t, fd).Ctim == before.Ctim {
		t.Error("ctime of the replaced file stays")
	}
}

func utimensat(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "")
	at, mt := unix.Timespec{Sec: 1234567890, Nsec: 123456789}, unix.Timespec{Sec: 987654321, Nsec: 999999999}
	set := func(path string, a, m unix.Timespec, flags int) {
		t.Helper()
		ok(t, "utimensat", unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{a, m}, flags))
	}
	omit, now := unix.Timespec{Nsec: unix.UTIME_OMIT}, unix.Timespec{Nsec: unix.UTIME_NOW}
	set(f, at, mt, 0)
	if st := lstat(t, f); st.Atim != at || st.Mtim != mt {
		t.Errorf("set %v %v, got %v %v", at, mt, st.Atim, st.Mtim)
	}
	set(f, omit, now, 0)
	if st := lstat(t, f); st.Atim != at || time.Since(time.Unix(st.Mtim.Unix())).Abs() > time.Minute {
		t.Errorf("OMIT, NOW: %v %v", st.Atim, st.Mtim)
	}
	set(f, now, omit, 0)
	if st := lstat(t, f); time.Since(time.Unix(st.Atim.Unix())).Abs() > time.Minute {
		t.Errorf("NOW, OMIT: %v", st.Atim)
	}
	for _, sec := range []int64{0, -1, -86400, 1 << 31, 1 << 33} {
		set(f, unix.Timespec{Sec: sec}, unix.Timespec{Sec: sec, Nsec: 1}, 0)
		if st := lstat(t, f); st.Atim.Sec != sec || st.Mtim.Sec != sec || st.Mtim.Nsec != 1 {
			t.Errorf("second %d comes back as %d and %d", sec, st.Atim.Sec, st.Mtim.Sec)
		}
	}
	ok(t, "symlink", unix.Symlink("f", tree.Dir+"/l"))
	set(tree.Dir+"/l", at, mt, unix.AT_SYMLINK_NOFOLLOW)
	if st := lstat(t, tree.Dir+"/l"); st.Mtim != mt {
		t.Errorf("symlink: %v", st.Mtim)
	}
	set(tree.Dir, at, mt, 0)
	if st := lstat(t, tree.Dir); st.Mtim != mt {
		t.Errorf("directory: %v", st.Mtim)
	}
	// The stamps stay over a close and with the page cache warm.
	create(t, f, "content")
	set(f, at, mt, 0)
	wantContent(t, f, "content")
	if st := lstat(t, f); st.Mtim != mt {
		t.Errorf("after a read: %v", st.Mtim)
	}
}

// timesFar: seconds take 64 bits, whatever has the times, and each comes back as it was set through utimensat,
// stat and statx, from another descriptor too.
func timesFar(t *testing.T, tree harness.Tree) {
	create(t, tree.Dir+"/f", "content")
	create(t, tree.Dir+"/writable", "content")
	fd := open(t, tree.Dir+"/writable", unix.O_RDWR, 0)
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o700))
	ok(t, "mkfifo", unix.Mkfifo(tree.Dir+"/p", 0o600))
	ok(t, "symlink", unix.Symlink("f", tree.Dir+"/l"))
	ok(t, "symlink", unix.Symlink(strings.Repeat("long/", 60), tree.Dir+"/long"))
	for _, name := range []string{"f", "writable", "d", "p", "l", "long"} {
		path := tree.Dir + "/" + name
		for i, sec := range storetest.FarSeconds {
			a := farTime(sec, 999_999_999)
			m := farTime(storetest.FarSeconds[len(storetest.FarSeconds)-1-i], int64(i))
			ok(t, "utimensat", unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{a, m}, unix.AT_SYMLINK_NOFOLLOW))
			wantTimes(t, path, a, m)
			omit := unix.Timespec{Nsec: unix.UTIME_OMIT}
			ok(t, "utimensat", unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{m, omit}, unix.AT_SYMLINK_NOFOLLOW))
			wantTimes(t, path, m, m)
		}
	}
	_, err := unix.Pwrite(fd, []byte("new"), 0)
	ok(t, "write", err)
	if st := fstat(t, fd); time.Since(time.Unix(st.Mtim.Unix())).Abs() > time.Minute {
		t.Errorf("mtime after a write: %v", st.Mtim)
	}
}

// farTime has no nanoseconds in the first and the last second: the kernel takes them away (fs/inode.c, timestamp_truncate).
func farTime(sec, nsec int64) unix.Timespec {
	if sec == math.MinInt64 || sec == math.MaxInt64 {
		nsec = 0
	}
	return unix.Timespec{Sec: sec, Nsec: nsec}
}

// timesOfListing: to list a directory and to read a symlink moves the time of access, as relatime does.
func timesOfListing(t *testing.T, tree harness.Tree) {
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o700))
	create(t, tree.Dir+"/d/f", "")
	ok(t, "symlink", unix.Symlink("f", tree.Dir+"/l"))
	ok(t, "symlink", unix.Symlink(strings.Repeat("long/", 60), tree.Dir+"/long"))
	list := func(flags int) {
		fd := open(t, tree.Dir+"/d", unix.O_RDONLY|unix.O_DIRECTORY|flags, 0)
		_, err := unix.Getdents(fd, make([]byte, 4096))
		ok(t, "getdents", err)
		unix.Close(fd)
	}
	follow := func(path string) func() {
		return func() {
			_, err := unix.Readlink(path, make([]byte, 1000))
			ok(t, "readlink", err)
		}
	}
	for path, use := range map[string]func(){
		tree.Dir + "/d":    func() { list(0) },
		tree.Dir + "/l":    follow(tree.Dir + "/l"),
		tree.Dir + "/long": follow(tree.Dir + "/long"),
	} {
		set := func(a unix.Timespec) {
			m := unix.Timespec{Nsec: unix.UTIME_OMIT}
			ok(t, "utimensat", unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{a, m}, unix.AT_SYMLINK_NOFOLLOW))
		}
		set(unix.Timespec{Sec: 1_000_000_000})
		if path == tree.Dir+"/d" {
			list(unix.O_NOATIME)
			if st := lstat(t, path); st.Atim.Sec != 1_000_000_000 {
				t.Errorf("%s: read without moving atime, it is %v", path, st.Atim)
			}
		}
		use()
		st := lstat(t, path)
		if time.Since(time.Unix(st.Atim.Unix())).Abs() > time.Minute {
			t.Errorf("%s: atime is %v after use", path, st.Atim)
		}
		tick(t)
		use()
		if again := lstat(t, path); again.Atim == st.Atim && st.Atim == st.Ctim || again.Mtim != st.Mtim || again.Ctim != st.Ctim {
			t.Errorf("%s: %v %v %v after more use, was %v %v %v", path, again.Atim, again.Mtim, again.Ctim, st.Atim, st.Mtim, st.Ctim)
		}
	}
}

func wantTimes(t *testing.T, path string, a, m unix.Timespec) {
	t.Helper()
	if st := lstat(t, path); st.Atim != a || st.Mtim != m {
		t.Errorf("%s: set %v %v, stat has %v %v", path, a, m, st.Atim, st.Mtim)
	}
	var sx unix.Statx_t
	ok(t, "statx", unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &sx))
	if sx.Atime.Sec != a.Sec || int64(sx.Atime.Nsec) != a.Nsec || sx.Mtime.Sec != m.Sec || int64(sx.Mtime.Nsec) != m.Nsec {
		t.Errorf("%s: set %v %v, statx has %v %v", path, a, m, sx.Atime, sx.Mtime)
	}
}

func utimensatErrors(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "")
	bad := []unix.Timespec{{Nsec: 1_000_000_000}, {}}
	wantErrno(t, "a thousand million nanoseconds", unix.UtimesNanoAt(unix.AT_FDCWD, f, bad, 0), unix.EINVAL)
	wantErrno(t, "missing", unix.UtimesNanoAt(unix.AT_FDCWD, f+"x", make([]unix.Timespec, 2), 0), unix.ENOENT)
}

func timesOfMmapWrite(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	fd := open(t, f, unix.O_CREAT|unix.O_RDWR, 0o644)
	ok(t, "ftruncate", unix.Ftruncate(fd, 4096))
	m, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	ok(t, "mmap", err)
	before := fstat(t, fd)
	tick(t)
	m[0] = 1
	ok(t, "msync", unix.Msync(m, unix.MS_SYNC))
	ok(t, "munmap", unix.Munmap(m))
	// tmpfs does not stamp, and on the direct plane it is tmpfs that is mapped.
	if after := fstat(t, fd); after.Mtim == before.Mtim && tree.Plane == "mediated" {
		t.Error("a write through a mapping leaves mtime")
	}
}

func birthTime(t *testing.T, tree harness.Tree) {
	tick(t)
	before := time.Now().Add(-20 * time.Millisecond)
	create(t, tree.Dir+"/f", "x")
	tick(t)
	create(t, tree.Dir+"/f", "rewritten")
	var sx unix.Statx_t
	ok(t, "statx", unix.Statx(unix.AT_FDCWD, tree.Dir+"/f", 0, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &sx))
	if sx.Mask&unix.STATX_BTIME == 0 {
		t.Fatalf("no birth time in mask %#x", sx.Mask)
	}
	birth, mtime := time.Unix(sx.Btime.Sec, int64(sx.Btime.Nsec)), time.Unix(sx.Mtime.Sec, int64(sx.Mtime.Nsec))
	if birth.Before(before) || !birth.Before(mtime) {
		t.Errorf("birth %v, started %v, rewritten %v", birth, before, mtime)
	}
}

// timesOfReading: reading moves atime, but not through a handle with O_NOATIME. Each file is read
// once: what comes from the page cache of a FUSE filesystem never moves it.
func timesOfReading(t *testing.T, tree harness.Tree) {
	for _, c := range []struct {
		name  string
		flags int
		moves bool
	}{{"seen", 0, true}, {"unseen", unix.O_NOATIME, false}} {
		f := tree.Dir + "/" + c.name
		create(t, f, "content")
		before := lstat(t, f)
		tick(t)
		fd := open(t, f, unix.O_RDONLY|c.flags, 0)
		wantBytes(t, "read", fd, 0, []byte("content"))
		after := lstat(t, f)
		if moved := after.Atim != before.Atim; moved != c.moves {
			t.Errorf("%s: atime moved: %v, want %v", c.name, moved, c.moves)
		}
		if after.Mtim != before.Mtim || after.Ctim != before.Ctim {
			t.Errorf("%s: mtime or ctime moved", c.name)
		}
	}
}
