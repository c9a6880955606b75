package conformance

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var mmapCases = map[string]harness.Case{
	"MmapAgreesWithRead":   mmapAgreesWithRead,
	"MmapBetweenProcesses": mmapBetweenProcesses,
	"MmapPastEnd":          mmapPastEnd,
	"MmapPrivate":          mmapPrivate,
	"MmapOutlivesFile":     mmapOutlivesFile,
}

func mapped(t *testing.T, fd, length, prot, flags int) []byte {
	t.Helper()
	m, err := unix.Mmap(fd, 0, length, prot, flags)
	ok(t, "mmap", err)
	t.Cleanup(func() { unix.Munmap(m) })
	return m
}

func mmapAgreesWithRead(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o644)
	ok(t, "ftruncate", unix.Ftruncate(fd, 4*page))
	m := mapped(t, fd, 4*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	copy(m[page:], "through the mapping")
	wantBytes(t, "read", fd, page, []byte("through the mapping"))
	pwrite(t, fd, "through write", 2*page)
	if got := string(m[2*page : 2*page+13]); got != "through write" {
		t.Errorf("the mapping has %q", got)
	}
	ok(t, "msync", unix.Msync(m, unix.MS_SYNC))
	wantBytes(t, "all", fd, 0, m)
	other := open(t, tree.Dir+"/f", unix.O_RDONLY, 0)
	m2 := mapped(t, other, 4*page, unix.PROT_READ, unix.MAP_SHARED)
	m[0] = 'x'
	if m2[0] != 'x' {
		t.Error("two mappings differ")
	}
}

func init() {
	// Maps the file, answers each line read with a change of the next byte.
	harness.Helper("mmap-peer", func(args []string) int {
		fd, err := unix.Open(args[0], unix.O_RDWR, 0)
		if err != nil {
			return 1
		}
		m, err := unix.Mmap(fd, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return 2
		}
		in := bufio.NewScanner(os.Stdin)
		for i := 0; in.Scan(); i++ {
			m[2*i+1] = m[2*i] + 1
			fmt.Println("done")
		}
		return 0
	})
	harness.Helper("mmap-past-end", func(args []string) int {
		fd, err := unix.Open(args[0], unix.O_RDWR, 0)
		if err != nil {
			return 1
		}
		m, err := unix.Mmap(fd, 0, 4*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return 2
		}
		m[3*page] = 1 // inside
		if err := unix.Ftruncate(fd, page+1); err != nil {
			return 3
		}
		m[page] = 1 // the page with the end is still whole
		return sigbus(func() { m[2*page] = 1 })
	})
}

// sigbus is 0 if f was stopped by SIGBUS.
func sigbus(f func()) (code int) {
	debug.SetPanicOnFault(true)
	defer func() {
		if recover() == nil {
			code = 4
		}
	}()
	f()
	return 0
}

func mmapBetweenProcesses(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o644)
	ok(t, "ftruncate", unix.Ftruncate(fd, page))
	m := mapped(t, fd, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	cmd := harness.HelperCommand("mmap-peer", tree.Dir+"/f")
	in, err := cmd.StdinPipe()
	ok(t, "pipe", err)
	out, err := cmd.StdoutPipe()
	ok(t, "pipe", err)
	ok(t, "start", cmd.Start())
	answers := bufio.NewReader(out)
	for i := range 20 {
		m[2*i] = byte(10 * i)
		_, err := io.WriteString(in, "go\n")
		ok(t, "ask", err)
		_, err = answers.ReadString('\n')
		ok(t, "answer", err)
		if m[2*i+1] != byte(10*i)+1 {
			t.Fatalf("round %d: the peer's byte is %d", i, m[2*i+1])
		}
	}
	in.Close()
	ok(t, "peer", cmd.Wait())
}

func mmapPastEnd(t *testing.T, tree harness.Tree) {
	create(t, tree.Dir+"/f", string(pattern(4*page)))
	if out, err := harness.HelperCommand("mmap-past-end", tree.Dir+"/f").CombinedOutput(); err != nil {
		t.Errorf("access beyond the end of a truncated file: %v: %s", err, out)
	}
}

func mmapPrivate(t *testing.T, tree harness.Tree) {
	create(t, tree.Dir+"/f", string(pattern(page)))
	fd := open(t, tree.Dir+"/f", unix.O_RDONLY, 0)
	m := mapped(t, fd, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	m[0] = 'x'
	wantBytes(t, "file", fd, 0, pattern(page))
	_, err := unix.Mmap(fd, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	wantErrno(t, "writable shared mapping of a read-only handle", err, unix.EACCES)
}

func mmapOutlivesFile(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, string(pattern(page)))
	fd, err := unix.Open(f, unix.O_RDWR|unix.O_CLOEXEC, 0)
	ok(t, "open", err)
	m := mapped(t, fd, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	ok(t, "close", unix.Close(fd))
	ok(t, "unlink", unix.Unlink(f))
	if string(m) != string(pattern(page)) {
		t.Error("the mapping of a removed file has lost its content")
	}
	m[5] = 'x'
	ok(t, "msync", unix.Msync(m, unix.MS_SYNC))
}
