package conformance

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var dataCases = map[string]harness.Case{
	"DataOffsets":     dataOffsets,
	"DataVectors":     dataVectors,
	"DataHandles":     dataHandles,
	"DataCopyRange":   dataCopyRange,
	"DataSendfile":    dataSendfile,
	"DataDirect":      dataDirect,
	"DataSync":        dataSync,
	"DataParallel":    dataParallel,
	"DataWriteErrors": dataWriteErrors,
}

func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8)
	}
	return p
}

// Writes and reads of every size around pages and requests, at odd offsets.
func dataOffsets(t *testing.T, tree harness.Tree) {
	model := make([]byte, 3<<20)
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o644)
	size := 0
	for i, n := range []int{1, 511, 4095, 4096, 4097, 65536, 131071, 131073, 1 << 20, 1<<20 + 1} {
		for _, off := range []int{0, 1, 4095, 4096, 1<<20 - 1, i * 100_003} {
			data := pattern(n + i)[i:]
			pwrite(t, fd, string(data), int64(off))
			copy(model[off:], data)
			size = max(size, off+n)
		}
	}
	if st := fstat(t, fd); st.Size != int64(size) {
		t.Errorf("size %d, want %d", st.Size, size)
	}
	wantBytes(t, "all", fd, 0, model[:size])
	for _, off := range []int{1, 4095, 131073, size - 5} {
		wantBytes(t, "part", fd, int64(off), model[off:min(size, off+70_001)])
	}
	n, err := unix.Pread(fd, make([]byte, 10), int64(size))
	if n != 0 || err != nil {
		t.Errorf("read at the end: %d, %v", n, err)
	}
	if n, err = unix.Pread(fd, make([]byte, 10), int64(size)-4); n != 4 || err != nil {
		t.Errorf("read over the end: %d, %v", n, err)
	}
}

func dataVectors(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o644)
	n, err := unix.Pwritev(fd, [][]byte{[]byte("one"), {}, []byte("two"), pattern(70_000)}, 5)
	if err != nil || n != 70_006 {
		t.Fatalf("pwritev: %d, %v", n, err)
	}
	a, b := make([]byte, 4), make([]byte, 7)
	if n, err = unix.Preadv(fd, [][]byte{a, b}, 4); err != nil || n != 11 || string(a) != "\x00one" || !bytes.Equal(b[:3], []byte("two")) {
		t.Errorf("preadv: %d, %v, %q, %q", n, err, a, b)
	}
}

// What one handle writes, another reads at once.
func dataHandles(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	w := open(t, f, unix.O_CREAT|unix.O_WRONLY, 0o644)
	r := open(t, f, unix.O_RDONLY, 0)
	for i := range 300 {
		text := fmt.Sprintf("line %d;", i)
		off := fstat(t, r).Size
		pwrite(t, w, text, off)
		wantBytes(t, "other handle", r, off, []byte(text))
	}
	_, err := unix.Pread(w, make([]byte, 1), 0)
	wantErrno(t, "read of a write-only handle", err, unix.EBADF)
	_, err = unix.Pwrite(r, []byte("x"), 0)
	wantErrno(t, "write to a read-only handle", err, unix.EBADF)
}

func dataCopyRange(t *testing.T, tree harness.Tree) {
	data := pattern(300_000)
	create(t, tree.Dir+"/from", string(data))
	in := open(t, tree.Dir+"/from", unix.O_RDWR, 0)
	out := open(t, tree.Dir+"/to", unix.O_CREAT|unix.O_RDWR, 0o644)
	from, to := int64(1000), int64(5000)
	for left := 200_000; left > 0; {
		n, err := unix.CopyFileRange(in, &from, out, &to, left, 0)
		if err != nil || n == 0 {
			t.Fatalf("copy: %d, %v, %d left", n, err, left)
		}
		left -= n
	}
	wantBytes(t, "copied", out, 5000, data[1000:201_000])
	wantBytes(t, "hole before", out, 0, make([]byte, 5000))
	from, to = int64(len(data)), 0
	if n, err := unix.CopyFileRange(in, &from, out, &to, 10, 0); n != 0 || err != nil {
		t.Errorf("copy from the end: %d, %v", n, err)
	}
	from, to = 0, 10
	_, err := unix.CopyFileRange(in, &from, in, &to, 100, 0)
	wantErrno(t, "overlapping", err, unix.EINVAL)
	ro := open(t, tree.Dir+"/to", unix.O_RDONLY, 0)
	_, err = unix.CopyFileRange(in, nil, ro, nil, 100, 0)
	wantErrno(t, "into a read-only handle", err, unix.EBADF)
	ap := open(t, tree.Dir+"/to", unix.O_WRONLY|unix.O_APPEND, 0)
	_, err = unix.CopyFileRange(in, nil, ap, nil, 100, 0)
	wantErrno(t, "into an appending handle", err, unix.EBADF)
}

func dataSendfile(t *testing.T, tree harness.Tree) {
	data := pattern(500_000)
	create(t, tree.Dir+"/from", string(data))
	in := open(t, tree.Dir+"/from", unix.O_RDONLY, 0)
	out := open(t, tree.Dir+"/to", unix.O_CREAT|unix.O_RDWR, 0o644)
	for left := len(data); left > 0; {
		n, err := unix.Sendfile(out, in, nil, left)
		if err != nil || n == 0 {
			t.Fatalf("sendfile: %d, %v", n, err)
		}
		left -= n
	}
	wantBytes(t, "sent", out, 0, data)
	// splice through a pipe, both ways.
	var p [2]int
	ok(t, "pipe", unix.Pipe2(p[:], unix.O_CLOEXEC))
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	off, back := int64(100), int64(7)
	n, err := unix.Splice(in, &off, p[1], nil, 5000, 0)
	if err != nil || n != 5000 {
		t.Fatalf("splice out: %d, %v", n, err)
	}
	if n, err = unix.Splice(p[0], nil, out, &back, 5000, 0); err != nil || n != 5000 {
		t.Fatalf("splice in: %d, %v", n, err)
	}
	wantBytes(t, "spliced", out, 7, data[100:5100])
}

func dataDirect(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	fd, err := unix.Open(f, unix.O_CREAT|unix.O_RDWR|unix.O_DIRECT, 0o644)
	ok(t, "open O_DIRECT", err)
	defer unix.Close(fd)
	// A mapping is page-aligned, as O_DIRECT may ask for.
	buf, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	ok(t, "mmap", err)
	defer unix.Munmap(buf)
	copy(buf, pattern(len(buf)))
	n, err := unix.Pwrite(fd, buf, 0)
	if err != nil || n != len(buf) {
		t.Fatalf("direct write: %d, %v", n, err)
	}
	buffered := open(t, f, unix.O_RDWR, 0)
	wantBytes(t, "buffered read", buffered, 0, pattern(1<<20))
	pwrite(t, buffered, "buffered", 4096)
	got := buf[:4096]
	if n, err = unix.Pread(fd, got, 4096); err != nil || n != 4096 || string(got[:8]) != "buffered" {
		t.Errorf("direct read: %d, %v, %q", n, err, got[:8])
	}
}

func dataSync(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR|unix.O_SYNC, 0o644)
	pwrite(t, fd, "x", 0)
	ok(t, "fsync", unix.Fsync(fd))
	ok(t, "fdatasync", unix.Fdatasync(fd))
	ok(t, "syncfs", unix.Syncfs(fd))
	ok(t, "sync_file_range", unix.SyncFileRange(fd, 0, 0, unix.SYNC_FILE_RANGE_WRITE))
	ok(t, "fadvise", unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED))
	wantContent(t, tree.Dir+"/f", "x")
}

// Writers of different parts of one file do not disturb each other.
func dataParallel(t *testing.T, tree harness.Tree) {
	const writers, block, blocks = 8, 10_007, 20
	f := tree.Dir + "/f"
	create(t, f, "")
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			fd, err := unix.Open(f, unix.O_RDWR|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Error(err)
				return
			}
			defer unix.Close(fd)
			data := bytes.Repeat([]byte{byte('a' + w)}, block)
			for b := range blocks {
				if n, err := unix.Pwrite(fd, data, int64((b*writers+w)*block)); n != block || err != nil {
					t.Errorf("write: %d, %v", n, err)
				}
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(f)
	ok(t, "read", err)
	if len(got) != writers*block*blocks {
		t.Fatalf("%d bytes, want %d", len(got), writers*block*blocks)
	}
	for i := range writers * blocks {
		if want := byte('a' + i%writers); bytes.Count(got[i*block:(i+1)*block], []byte{want}) != block {
			t.Fatalf("block %d holds bytes of another writer", i)
		}
	}
}

func dataWriteErrors(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o644)
	_, err := unix.Pwrite(fd, []byte("x"), -1)
	wantErrno(t, "negative offset", err, unix.EINVAL)
	_, err = unix.Pwrite(fd, []byte("xx"), 1<<63-1)
	wantErrno(t, "past the largest offset", err, unix.EINVAL, unix.EFBIG)
	_, err = unix.Seek(fd, -5, unix.SEEK_SET)
	wantErrno(t, "seek before the start", err, unix.EINVAL)
	_, err = unix.Seek(fd, 0, 99)
	wantErrno(t, "unknown whence", err, unix.EINVAL)
	if st := fstat(t, fd); st.Size != 0 {
		t.Errorf("size %d after failures", st.Size)
	}
}

var appendCases = map[string]harness.Case{
	"AppendAtEnd":     appendAtEnd,
	"AppendProcesses": appendProcesses,
}

func appendAtEnd(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "start;")
	a := open(t, f, unix.O_WRONLY|unix.O_APPEND, 0)
	w := open(t, f, unix.O_RDWR, 0)
	for i := range 5 {
		if _, err := unix.Write(a, []byte("a")); err != nil {
			t.Fatal(err)
		}
		pwrite(t, w, "w", int64(7+2*i))
	}
	wantContent(t, f, "start;awawawawaw")
	ok(t, "ftruncate", unix.Ftruncate(w, 2))
	if _, err := unix.Write(a, []byte("end")); err != nil {
		t.Fatal(err)
	}
	wantContent(t, f, "stend")
}

func init() {
	harness.Helper("append", func(args []string) int {
		fd, err := unix.Open(args[0], unix.O_WRONLY|unix.O_APPEND, 0)
		if err != nil {
			return 1
		}
		line := strings.Repeat(args[1], 100) + "\n"
		for range 500 {
			if n, err := unix.Write(fd, []byte(line)); n != len(line) || err != nil {
				return 2
			}
		}
		return 0
	})
}

// Processes that append to one log lose and mix nothing.
func appendProcesses(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/log"
	create(t, f, "")
	var cmds []*exec.Cmd
	for _, who := range []string{"a", "b", "c"} {
		cmd := harness.HelperCommand("append", f, who)
		ok(t, "start", cmd.Start())
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		ok(t, "appender", cmd.Wait())
	}
	text, err := os.ReadFile(f)
	ok(t, "read", err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 1500 {
		t.Fatalf("%d lines, want 1500", len(lines))
	}
	for _, l := range lines {
		if len(l) != 100 || strings.Trim(l, l[:1]) != "" {
			t.Fatalf("a mixed line: %q", l)
		}
	}
}
