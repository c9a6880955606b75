package promises

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestMappedUnderPressure: pages that were stored to stay charged when the kernel wants memory before it has written them back.
func TestMappedUnderPressure(t *testing.T) {
	if !harness.Root() {
		t.Fatal("only root gets at the daemon's files")
	}
	u := harness.Ordinary(t) // whose tmpfs is without noswap
	for _, via := range transports() {
		t.Run(via, func(t *testing.T) {
			m := harness.Start(t, u, "--size=8MiB", "--passthrough=off", "--huge=never", "--transport="+via)
			cmd := u.As(harness.HelperCommand("map-until-fault", m.Dir+"/f", "16", "pressed"))
			cmd.Stderr = os.Stderr
			in, err := cmd.StdinPipe()
			check(t, "pipe", err)
			out, err := cmd.StdoutPipe()
			check(t, "pipe", err)
			check(t, "helper", cmd.Start())
			said := bufio.NewReader(out)
			if line, err := said.ReadString('\n'); err != nil || line != "ready\n" {
				t.Fatalf("helper: %q, %v", line, err)
			}
			dropClean(t, m, 16*mib, pressed)
			in.Close()
			line, err := said.ReadString('\n')
			check(t, "helper", err)
			check(t, "helper", cmd.Wait())
			wantPages(t, strings.TrimSpace(line), 8*mib)
		})
	}
}

// pressed is how many bytes are stored to before the kernel wants memory.
const pressed = mib

// dropClean has the kernel drop those of the first n bytes that are clean of the daemon's one file of that size, as it
// does when it wants memory.
func dropClean(t *testing.T, m *harness.Mount, size int64, n int) {
	t.Helper()
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", m.PID))
	check(t, "descriptors", err)
	for _, path := range fds {
		var st unix.Stat_t
		if unix.Stat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size != size {
			continue
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		check(t, "open", err)
		defer f.Close()
		pages, err := unix.Mmap(int(f.Fd()), 0, n, unix.PROT_READ, unix.MAP_SHARED)
		check(t, "map", err)
		defer unix.Munmap(pages)
		check(t, "populate", unix.Madvise(pages, unix.MADV_POPULATE_READ)) // it drops what is mapped
		check(t, "page out", unix.Madvise(pages, unix.MADV_PAGEOUT))
		return
	}
	t.Fatalf("the daemon has no file of %d bytes", size)
}
