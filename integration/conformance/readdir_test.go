package conformance

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var readdirCases = map[string]harness.Case{
	"ReaddirDots":       readdirDots,
	"ReaddirUnderChurn": readdirUnderChurn,
	"ReaddirSeek":       readdirSeek,
	"ReaddirRewind":     readdirRewind,
	"ReaddirRemoving":   readdirRemoving,
	"ReaddirRenaming":   readdirRenaming,
	"ReaddirErrors":     readdirErrors,
}

type entry struct {
	ino  uint64
	off  int64
	kind uint8
	name string
}

// nextEntries is one getdents64 with a buffer of n bytes; empty at the end.
func nextEntries(t *testing.T, fd, n int) (list []entry) {
	t.Helper()
	buf := make([]byte, n)
	n, err := unix.Getdents(fd, buf)
	ok(t, "getdents", err)
	for buf = buf[:n]; len(buf) > 0; {
		size := binary.NativeEndian.Uint16(buf[16:])
		name := buf[19:size]
		list = append(list, entry{binary.NativeEndian.Uint64(buf), int64(binary.NativeEndian.Uint64(buf[8:])), buf[18],
			string(name[:slices.Index(name, 0)])})
		buf = buf[size:]
	}
	return list
}

// getdents reads on from where fd is to the end.
func getdents(t *testing.T, fd int) (all []entry) {
	t.Helper()
	for {
		list := nextEntries(t, fd, 4096)
		if len(list) == 0 {
			return all
		}
		all = append(all, list...)
	}
}

func direntries(t *testing.T, dir string) []entry {
	t.Helper()
	return getdents(t, open(t, dir, unix.O_DIRECTORY, 0))
}

// readNames is what a directory lists, without . and .., in the order of the names.
func readNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	for _, e := range direntries(t, dir) {
		if e.name != "." && e.name != ".." {
			names = append(names, e.name)
		}
	}
	slices.Sort(names)
	return names
}

func readdirDots(t *testing.T, tree harness.Tree) {
	ok(t, "mkdir", unix.Mkdir(tree.Dir+"/d", 0o755))
	got := map[string]uint64{}
	for _, e := range direntries(t, tree.Dir+"/d") {
		got[e.name] = e.ino
		if e.kind != unix.DT_DIR {
			t.Errorf("%s has type %d", e.name, e.kind)
		}
	}
	if len(got) != 2 || got["."] != lstat(t, tree.Dir+"/d").Ino || got[".."] != lstat(t, tree.Dir).Ino {
		t.Errorf("an empty directory lists %v", got)
	}
}

// Entries that stay are listed once and only once in each pass, whatever others do.
func readdirUnderChurn(t *testing.T, tree harness.Tree) {
	const fixed = 600
	for i := range fixed {
		create(t, fmt.Sprintf("%s/fixed-%d", tree.Dir, i), "")
	}
	var done atomic.Bool
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; !done.Load(); i++ {
			name := fmt.Sprintf("%s/churn-%d", tree.Dir, i%50)
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Errorf("churn: %v", err)
				return
			}
			if i%3 > 0 {
				os.Remove(fmt.Sprintf("%s/churn-%d", tree.Dir, (i+25)%50))
			} else {
				os.Rename(name, fmt.Sprintf("%s/churn-%d", tree.Dir, (i+7)%50))
			}
		}
	}()
	defer func() { done.Store(true); <-stopped }()
	for pass := range 30 {
		fd, err := unix.Open(tree.Dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		ok(t, "open", err)
		seen := map[string]int{}
		for {
			list := nextEntries(t, fd, 300+pass*150)
			if len(list) == 0 {
				break
			}
			for _, e := range list {
				seen[e.name]++
			}
		}
		unix.Close(fd)
		for i := range fixed {
			if n := seen[fmt.Sprintf("fixed-%d", i)]; n != 1 {
				t.Fatalf("pass %d: fixed-%d is listed %d times", pass, i, n)
			}
		}
	}
}

func readdirSeek(t *testing.T, tree harness.Tree) {
	for i := range 300 {
		create(t, fmt.Sprintf("%s/%d", tree.Dir, i), "")
	}
	fd := open(t, tree.Dir, unix.O_DIRECTORY, 0)
	all := getdents(t, fd)
	for _, i := range []int{0, 1, 2, 150, 299, 300, 10} {
		_, err := unix.Seek(fd, all[i].off, unix.SEEK_SET)
		ok(t, "seekdir", err)
		if got := getdents(t, fd); len(got) != len(all)-i-1 || (len(got) > 0 && got[0] != all[i+1]) {
			t.Errorf("after entry %d: %d entries, want %d", i, len(got), len(all)-i-1)
		}
	}
	// A position stays good when entries before and at it are removed.
	for _, e := range all[100:151] {
		if e.name != "." && e.name != ".." {
			ok(t, "unlink", unix.Unlink(tree.Dir+"/"+e.name))
		}
	}
	_, err := unix.Seek(fd, all[150].off, unix.SEEK_SET)
	ok(t, "seekdir", err)
	if got := getdents(t, fd); len(got) != len(all)-151 || got[0] != all[151] {
		t.Errorf("after removals: %d entries, want %d", len(got), len(all)-151)
	}
}

func readdirRewind(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir, unix.O_DIRECTORY, 0)
	if n := len(getdents(t, fd)); n != 2 {
		t.Errorf("%d entries in an empty directory", n)
	}
	create(t, tree.Dir+"/f", "")
	_, err := unix.Seek(fd, 0, unix.SEEK_SET)
	ok(t, "rewinddir", err)
	if n := len(getdents(t, fd)); n != 3 {
		t.Errorf("%d entries after rewinddir, want 3", n)
	}
	ok(t, "unlink", unix.Unlink(tree.Dir+"/f"))
	_, err = unix.Seek(fd, 0, unix.SEEK_SET)
	ok(t, "rewinddir", err)
	if n := len(getdents(t, fd)); n != 2 {
		t.Errorf("%d entries after unlink, want 2", n)
	}
}

// Removing what was just listed, as rm -r does, loses no entry.
func readdirRemoving(t *testing.T, tree harness.Tree) {
	for i := range 1000 {
		create(t, fmt.Sprintf("%s/%d", tree.Dir, i), "")
	}
	fd := open(t, tree.Dir, unix.O_DIRECTORY, 0)
	removed := 0
	for {
		list := nextEntries(t, fd, 512)
		if len(list) == 0 {
			break
		}
		for _, e := range list {
			if e.name != "." && e.name != ".." {
				ok(t, "unlinkat", unix.Unlinkat(fd, e.name, 0))
				removed++
			}
		}
	}
	if left := readNames(t, tree.Dir); removed != 1000 || len(left) != 0 {
		t.Errorf("%d removed, left: %v", removed, left)
	}
}

// Whoever renames what he reads, or replaces it, comes to the end.
func readdirRenaming(t *testing.T, tree harness.Tree) {
	const files = 500
	for i := range files {
		create(t, fmt.Sprintf("%s/%d", tree.Dir, i), "")
	}
	fd := open(t, tree.Dir, unix.O_DIRECTORY, 0)
	seen := 0
	for list := nextEntries(t, fd, 512); len(list) > 0 && seen <= files; list = nextEntries(t, fd, 512) {
		for _, e := range list {
			if e.name == "." || e.name == ".." {
				continue
			}
			seen++
			ok(t, "away", unix.Renameat(fd, e.name, fd, "away"))
			ok(t, "back", unix.Renameat(fd, "away", fd, e.name))
			create(t, tree.Dir+"/new", "")
			ok(t, "replaced", unix.Renameat(fd, "new", fd, e.name))
		}
	}
	if seen != files {
		t.Errorf("%d entries seen of %d", seen, files)
	}
}

func readdirErrors(t *testing.T, tree harness.Tree) {
	create(t, tree.Dir+"/f", "")
	fd := open(t, tree.Dir+"/f", unix.O_RDONLY, 0)
	_, err := unix.Getdents(fd, make([]byte, 1024))
	wantErrno(t, "of a file", err, unix.ENOTDIR)
	d := open(t, tree.Dir, unix.O_DIRECTORY, 0)
	_, err = unix.Getdents(d, make([]byte, 5))
	wantErrno(t, "into 5 bytes", err, unix.EINVAL)
}
