package promises

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

const page = 4096

// TestTieredFailingDisk: where the disk fails, and nowhere else, a read is EIO with a log line. Files that lie in
// memory or on the good part of the disk are fine, and can be made and changed; nothing hangs, the mount ends as
// always, and if the disk comes back so does the data.
func TestTieredFailingDisk(t *testing.T) {
	d := newDisk(t, 120*mib)
	m := startForeground(t, "--store=tiered", "--memory=8MiB", "--size=0", "--spill-dir="+d.dir)
	hung := time.AfterFunc(3*harness.Patience, func() {
		t.Error("something hangs; the daemon is killed")
		unix.Kill(m.PID, unix.SIGKILL)
	})
	defer hung.Stop()
	const files = 10
	large := func(i int) string { return fmt.Sprintf("%s/large%d", m.Dir, i) }
	for i := range files {
		writeNumbers(t, large(i), 8*mib)
	}
	writeSmall(t, m)

	places := spillPlaces(t, d, spillFile(t, m, d.dir))
	d.fail(t, places[len(places)*3/4])
	unreadable := unreadablePages(t, spillFile(t, m, d.dir))
	checkMemory(t, m)
	total, fine, broken, first := 0, 0, 0, int64(0)
	for i := range files {
		before := len(spillErrors(t, m))
		failed := readPages(t, large(i))
		checkSpillErrors(t, failed, spillErrors(t, m)[before:], unreadable)
		if total += len(failed); len(failed) > 0 {
			broken, first = i, failed[0]
		} else {
			fine++
		}
	}
	t.Logf("%d of %d pages of the spill file are on the part that fails, %d pages of files are EIO", len(unreadable), len(places), total)
	if total == 0 || fine == 0 {
		t.Fatalf("%d pages are EIO, %d files are fine: nothing is shown", total, fine)
	}
	changeUnreadable(t, large(broken), first)
	checkMemory(t, m)

	d.heal(t)
	for i := range files {
		if failed := readPages(t, large(i)); len(failed) != 0 {
			t.Errorf("file %d: %d pages are still EIO when the disk is back", i, len(failed))
		}
	}

	writeSmall(t, m)
	d.fail(t, 8*mib) // all but the filesystem's own tables
	checkMemory(t, m)
	m.Unmount(t)
	d.checkNothing(t)
}

// startForeground is a mount whose daemon stays in the foreground: only there it has a log after its start.
func startForeground(t *testing.T, flags ...string) *harness.Mount {
	t.Helper()
	u := harness.Current()
	m := &harness.Mount{Dir: harness.Mkdir(t, u), User: u, Log: harness.Mkdir(t, u) + "/log"}
	log, err := os.Create(m.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := harness.Vanishfs(u, append(append([]string{"mount", "--foreground"}, flags...), m.Dir)...)
	cmd.Stdout, cmd.Stderr = log, log
	harness.WatchRaces(t, cmd, u)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill() // unless it has ended, as it should have
		if err := <-ended; err != nil {
			unix.Unmount(m.Dir, unix.MNT_DETACH)
			text, _ := os.ReadFile(m.Log)
			t.Errorf("the daemon: %v; the end of its log:\n%s", err, text[max(len(text)-1000, 0):])
		}
	})
	harness.Eventually(t, "it is mounted", func() bool {
		_, err := os.Stat(m.Dir + "/.vanish/status")
		return err == nil
	}, func() string { text, _ := os.ReadFile(m.Log); return string(text) })
	m.PID = m.Status(t).PID
	return m
}

const smallFiles = 50

func small(m *harness.Mount, i int) string { return fmt.Sprintf("%s/small%d", m.Dir, i) }

func writeSmall(t *testing.T, m *harness.Mount) {
	t.Helper()
	for i := range smallFiles {
		writeNumbers(t, small(m, i), 8<<10)
	}
}

func writeNumbers(t *testing.T, name string, size int64) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for off := int64(0); off < size; off += 128 << 10 {
		if _, err := f.WriteAt(numbers(off, int(min(128<<10, size-off))), off); err != nil {
			t.Fatalf("write %s at %d: %v", name, off, err)
		}
	}
}

// spillPlaces is where on the device the pages of a spill file are, in order.
func spillPlaces(t *testing.T, d *disk, spill *os.File) (places []int64) {
	t.Helper()
	d.read(t, func(raw []byte) {
		known := map[string]int64{}
		for at := int64(0); at < d.size; at += page {
			known[string(raw[at:at+64])] = at
		}
		buf := make([]byte, page)
		for off := int64(0); ; off += page {
			if n, _ := spill.ReadAt(buf, off); n < page {
				break
			}
			if at, ok := known[string(buf[:64])]; ok && !bytes.Equal(buf, make([]byte, page)) {
				places = append(places, at)
			}
		}
	})
	if len(places) < 64*mib/page {
		t.Fatalf("only %d pages of the spill file are on the device", len(places))
	}
	slices.Sort(places)
	return places
}

// unreadablePages says which pages of a spill file the disk refuses to read.
func unreadablePages(t *testing.T, spill *os.File) map[int64]bool {
	t.Helper()
	direct, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", spill.Fd()), os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	buf, err := unix.Mmap(-1, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(buf)
	found := map[int64]bool{}
	for i := int64(0); ; i++ {
		n, err := unix.Pread(int(direct.Fd()), buf, i*page)
		switch {
		case errors.Is(err, unix.EIO):
			found[i] = true
		case err != nil:
			t.Fatal(err)
		case n == 0:
			return found
		}
	}
}

// readPages reads a file by pages, past what the kernel has of it, and returns which are EIO. All others have to be right.
func readPages(t *testing.T, name string) (failed []int64) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := int(f.Fd())
	check(t, "drop the kernel's cache", unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED))
	check(t, "no read-ahead", unix.Fadvise(fd, 0, 0, unix.FADV_RANDOM))
	buf := make([]byte, page)
	for i := int64(0); ; i++ {
		n, err := unix.Pread(fd, buf, i*page)
		switch {
		case errors.Is(err, unix.EIO):
			failed = append(failed, i)
		case err != nil || n > 0 && !bytes.Equal(buf[:n], numbers(i*page, n)):
			t.Errorf("%s, page %d: %d bytes, %v, or other bytes", name, i, n, err)
		case n == 0:
			return failed
		}
	}
}

// checkMemory: what lies in memory is right, and files can be made, changed and removed.
func checkMemory(t *testing.T, m *harness.Mount) {
	t.Helper()
	for i := range smallFiles {
		if failed := readPages(t, small(m, i)); len(failed) != 0 {
			t.Errorf("small file %d: EIO of what is in memory", i)
		}
	}
	writeNumbers(t, m.Dir+"/new", 64<<10)
	if failed := readPages(t, m.Dir+"/new"); len(failed) != 0 {
		t.Error("EIO of what was just written")
	}
	m.Sh(t, `mkdir "$D/dir"; mv "$D/new" "$D/dir/moved"; echo more >> "$D/dir/moved"; rm -r "$D/dir"; df "$D"`)
}

// A spillError is a line of the daemon's log on data that cannot be read back: where it is, bytes.
type spillError struct{ offset, spillOffset int64 }

func spillErrors(t *testing.T, m *harness.Mount) (found []spillError) {
	t.Helper()
	text, err := os.ReadFile(m.Log)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^.*level=ERROR .*spilled data cannot be read.* offset=(\d+) spill_offset=(\d+) .*input/output error.*$`)
	for _, match := range line.FindAllSubmatch(text, -1) {
		var e spillError
		e.offset, _ = strconv.ParseInt(string(match[1]), 10, 64)
		e.spillOffset, _ = strconv.ParseInt(string(match[2]), 10, 64)
		found = append(found, e)
	}
	return found
}

// block is how many pages are sealed together at most: one of them that cannot be read takes the others with it.
const block = 4

// checkSpillErrors: each page that is EIO was logged, and each line names a block that the disk refuses to read.
func checkSpillErrors(t *testing.T, failed []int64, lines []spillError, unreadable map[int64]bool) {
	t.Helper()
	logged := map[int64]bool{}
	for _, l := range lines {
		refused := false
		for i := range int64(block) {
			logged[l.offset/page+i] = true
			refused = refused || unreadable[l.spillOffset/page+i]
		}
		if !refused {
			t.Errorf("the block at %d of the spill file was given up, the disk can read it", l.spillOffset)
		}
	}
	for _, i := range failed {
		if !logged[i] {
			t.Errorf("page %d is EIO without a log line", i)
		}
	}
}

// changeUnreadable writes to a page that cannot be read: a part is EIO, the whole is not and can be read afterwards.
func changeUnreadable(t *testing.T, name string, i int64) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("x"), i*page+100); !errors.Is(err, unix.EIO) {
		t.Errorf("write to a part of an unreadable page: %v, want EIO", err)
	}
	if _, err := f.WriteAt(numbers(i*page, page), i*page); err != nil {
		t.Errorf("write of a whole unreadable page: %v", err)
	}
	buf := make([]byte, page)
	if _, err := f.ReadAt(buf, i*page); err != nil || !bytes.Equal(buf, numbers(i*page, page)) {
		t.Errorf("read of what was just written: %v, or other bytes", err)
	}
}
