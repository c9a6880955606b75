package promises

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	gofs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// refusesSpill: with that spill directory mount and run say one line and end, with their own code, and leave no
// mount, no process and nothing in the directory.
func refusesSpill(t *testing.T, u harness.User, spill, want string) {
	t.Helper()
	t.Setenv("VANISHFS_TEST_START", t.Name())
	at := harness.Mkdir(t, u)
	before := names(spill)
	for code, args := range map[int][]string{
		9:   {"mount", "--store=tiered", "--spill-dir=" + spill, at},
		125: {"run", "--store=tiered", "--spill-dir=" + spill, "--at=" + at, "--", "true"},
	} {
		cmd := harness.Vanishfs(u, args...)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != code || strings.Count(string(out), "\n") != 1 ||
			!strings.Contains(string(out), want) || !strings.Contains(string(out), "--spill-dir") || !strings.Contains(string(out), spill) {
			t.Errorf("%s: %v, want %d: %s", args[0], err, code, out)
		}
	}
	if where := harness.Mounted(at); len(where) > 0 {
		t.Errorf("mounted: %v", where)
	}
	mark := "VANISHFS_TEST_START=" + t.Name()
	harness.Eventually(t, "no process is left", func() bool { return len(harness.ProcessesWith(mark)) == 0 },
		func() string { return harness.CommandLines(harness.ProcessesWith(mark)) })
	if after := names(spill); after != before {
		t.Errorf("in the spill directory: %s, before: %s", after, before)
	}
}

func names(dir string) string {
	entries, _ := os.ReadDir(dir) // what cannot be listed has no names
	return fmt.Sprint(entries)
}

// TestTieredSpillDirNotWritable: somebody else's directory, and for root a disk that is read only.
func TestTieredSpillDirNotWritable(t *testing.T) {
	t.Run("somebody else's", func(t *testing.T) {
		refusesSpill(t, harness.Ordinary(t), "/", "permission denied")
	})
	t.Run("read only", func(t *testing.T) {
		d := newDisk(t, 4*mib)
		command(t, "mount", "-o", "remount,ro", d.dir)
		refusesSpill(t, harness.Current(), d.dir, "read-only file system")
	})
}

// TestTieredSpillDirFull: a disk that has not a page left.
func TestTieredSpillDirFull(t *testing.T) {
	d := newDisk(t, 4*mib)
	f, err := os.Create(d.dir + "/filler")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, page))
	}
	check(t, "write to the disk", f.Sync())
	var st unix.Statfs_t
	if check(t, "statfs", unix.Statfs(d.dir, &st)); st.Bavail != 0 {
		t.Fatalf("after %v there is room for %d blocks", err, st.Bavail)
	}
	refusesSpill(t, harness.Current(), d.dir, "no space left on device (make room there")
	check(t, "make room", os.Truncate(d.dir+"/filler", 0))
	m := harness.Start(t, harness.Current(), "--store=tiered", "--memory=4MiB", "--spill-dir="+d.dir)
	m.Sh(t, `echo fits > "$D/f"`)
}

// TestTieredSpillDirInMemory: spilling from memory to memory works, and one line says what it is.
func TestTieredSpillDirInMemory(t *testing.T) {
	onRunners(t, func(t *testing.T, u harness.User) {
		dir, err := os.MkdirTemp("/dev/shm", "vanishfs-test-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		check(t, "chown", os.Chown(dir, u.UID, u.GID))
		m := harness.Start(t, u, "--store=tiered", "--memory=4MiB", "--spill-dir="+dir)
		m.Sh(t, `seq 3000000 > "$D/f"; seq 3000000 | cmp - "$D/f"`)
		log, err := os.ReadFile(m.Log)
		check(t, "read the log", err)
		if strings.Count(string(log), "level=WARN") != 1 || strings.Count(string(log), "in memory itself") != 1 {
			t.Errorf("want one warning:\n%s", log)
		}
		if got := names(dir); got != "[]" {
			t.Errorf("in the spill directory: %s", got)
		}
	})
}

// noTmpfile is the root of a filesystem that is another directory, without O_TMPFILE there.
type noTmpfile struct{ gofs.LoopbackNode }

func (*noTmpfile) Tmpfile(context.Context, uint32, uint32, *fuse.EntryOut) (*gofs.Inode, gofs.FileHandle, uint32, syscall.Errno) {
	return nil, nil, 0, syscall.ENOSYS
}

// withoutTmpfile mounts one on dir's content until the end of the test.
func withoutTmpfile(t *testing.T, dir string) (at string) {
	t.Helper()
	at = harness.Mkdir(t, harness.Current())
	root := &gofs.LoopbackRoot{Path: dir}
	root.RootNode = &noTmpfile{gofs.LoopbackNode{RootData: root}}
	server, err := gofs.Mount(at, root.RootNode, &gofs.Options{MountOptions: fuse.MountOptions{DirectMount: true, FsName: "no-tmpfile"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, "unmount "+at, server.Unmount()) })
	fd, err := unix.Open(at, unix.O_TMPFILE|unix.O_RDWR, 0o600)
	if err != unix.EOPNOTSUPP {
		unix.Close(fd)
		t.Fatalf("O_TMPFILE: %v, want EOPNOTSUPP", err)
	}
	return at
}

// TestTieredWithoutTmpfile: on a filesystem without O_TMPFILE there is no file to see either, and after SIGKILL there
// is no file and no space in use. What was killed in the instant between making and removing it is removed.
func TestTieredWithoutTmpfile(t *testing.T) {
	d := newDisk(t, 64*mib)
	free := d.free(t)
	spill := withoutTmpfile(t, d.dir)
	check(t, "a leftover", os.WriteFile(filepath.Join(d.dir, ".vanishfs-spill-LEFTOVER"), nil, 0o600))
	m := harness.Start(t, harness.Current(), "--store=tiered", "--memory=4MiB", "--size=0", "--spill-dir="+spill)
	d.checkNothing(t)
	m.Sh(t, `seq 5000000 > "$D/f"; seq 5000000 | cmp - "$D/f"`)
	if s := m.Status(t); s.Spilled < 24*mib || d.free(t) == free {
		t.Errorf("too little was spilled: %+v", s)
	}
	d.checkNothing(t)
	check(t, "kill the daemon", unix.Kill(m.PID, unix.SIGKILL))
	m.Unmount(t)
	d.checkUnused(t, free)
}
