package conformance

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var statCases = map[string]harness.Case{
	"StatInodes":   statInodes,
	"StatBlocks":   statBlocks,
	"StatfsCounts": statfsCounts,
	"StatTypes":    statTypes,
}

func statInodes(t *testing.T, tree harness.Tree) {
	seen := map[uint64]string{}
	dev := lstat(t, tree.Dir).Dev
	for i := range 200 {
		f := fmt.Sprintf("%s/%d", tree.Dir, i)
		create(t, f, "")
		st := lstat(t, f)
		if st.Ino == 0 || seen[st.Ino] != "" || st.Dev != dev {
			t.Fatalf("%s: inode %d (also %q), device %d", f, st.Ino, seen[st.Ino], st.Dev)
		}
		seen[st.Ino] = f
	}
	for ino, f := range seen {
		if got := lstat(t, f).Ino; got != ino {
			t.Errorf("%s was inode %d, is %d", f, ino, got)
		}
	}
}

func statBlocks(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	fd := open(t, f, unix.O_CREAT|unix.O_RDWR, 0o644)
	for _, c := range []struct {
		size, blocks int64
	}{{1, 8}, {4096, 8}, {4097, 16}, {100_000, 200}} {
		ok(t, "ftruncate", unix.Ftruncate(fd, 0))
		if _, err := unix.Pwrite(fd, make([]byte, c.size), 0); err != nil {
			t.Fatal(err)
		}
		if st := fstat(t, fd); st.Size != c.size || st.Blocks != c.blocks || st.Blksize < 512 {
			t.Errorf("%d bytes: size %d, %d blocks, block size %d", c.size, st.Size, st.Blocks, st.Blksize)
		}
		if st := lstat(t, f); st.Size != c.size || st.Blocks != c.blocks {
			t.Errorf("%d bytes by name: size %d, %d blocks", c.size, st.Size, st.Blocks)
		}
	}
}

func statfsCounts(t *testing.T, tree harness.Tree) {
	get := func() (st unix.Statfs_t) {
		ok(t, "statfs", unix.Statfs(tree.Dir, &st))
		return st
	}
	start := get()
	if start.Namelen != 255 || start.Bsize < 512 || start.Blocks == 0 || start.Files == 0 || start.Bavail > start.Bfree || start.Bfree > start.Blocks {
		t.Errorf("statfs: %+v", start)
	}
	if total := int64(start.Blocks) * start.Bsize; total != 512<<20 && !tree.Native {
		t.Errorf("size %d, mounted with 512 MiB", total)
	}
	f := tree.Dir + "/f"
	create(t, f, string(make([]byte, 1<<20)))
	now := get()
	if used := (int64(start.Bfree) - int64(now.Bfree)) * start.Bsize; used != 1<<20 {
		t.Errorf("1 MiB written takes %d", used)
	}
	if used := int64(start.Ffree) - int64(now.Ffree); used != 1 {
		t.Errorf("one file takes %d inodes", used)
	}
	ok(t, "remove", os.Remove(f))
	var end unix.Statfs_t
	harness.Eventually(t, "everything given back", func() bool {
		end = get()
		return end.Bfree == start.Bfree && end.Ffree == start.Ffree
	}, func() string {
		return fmt.Sprintf("%d of %d blocks, %d of %d inodes free", end.Bfree, start.Bfree, end.Ffree, start.Ffree)
	})
}

func statTypes(t *testing.T, tree harness.Tree) {
	p := func(s string) string { return tree.Dir + s }
	create(t, p("/f"), "")
	ok(t, "mkdir", unix.Mkdir(p("/d"), 0o755))
	ok(t, "symlink", unix.Symlink("f", p("/l")))
	ok(t, "mkfifo", unix.Mkfifo(p("/p"), 0o600))
	ok(t, "mknod", unix.Mknod(p("/s"), unix.S_IFSOCK|0o600, 0))
	want := map[string]uint32{"f": unix.S_IFREG, "d": unix.S_IFDIR, "l": unix.S_IFLNK, "p": unix.S_IFIFO, "s": unix.S_IFSOCK}
	for name, kind := range want {
		if got := lstat(t, p("/"+name)).Mode & unix.S_IFMT; got != kind {
			t.Errorf("%s: type %#o, want %#o", name, got, kind)
		}
	}
	for _, e := range direntries(t, tree.Dir) {
		if kind, listed := want[e.name]; listed && uint32(e.kind)<<12 != kind {
			t.Errorf("%s: listed as type %d", e.name, e.kind)
		}
		if e.name != ".." && e.ino != lstat(t, p("/"+e.name)).Ino {
			t.Errorf("%s: listed as inode %d", e.name, e.ino)
		}
	}
}
