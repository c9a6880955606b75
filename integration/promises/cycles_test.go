package promises

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// cycles is how many files come and go: a million where one asked for it, else
// what fits the time of a test.
func cycles() int {
	if harness.Long() {
		return 1_000_000
	}
	if harness.Race() { // which more of the same shows nothing; scripts/test runs these without it as well
		return 5_000
	}
	return 200_000
}

// TestCyclesLeaveNothing: after a great many files were created, written and
// removed nothing is in use: not a page, not an inode (the harness checks that
// at the end of every mount), and the daemon has no more descriptors than before.
func TestCyclesLeaveNothing(t *testing.T) {
	harness.OnPlanes(t, []string{"--size=64MiB"}, func(t *testing.T, m *harness.Mount) {
		before := descriptors(t, m)
		n := cycles()
		if m.User.UID != os.Getuid() {
			n /= 10 // the same code as mediated: only the way to mount differs
		}
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() { m.Do(t, func() { cycle(t, m.Dir, w, n/4) }) })
		}
		wg.Wait()
		m.CheckEmpties(t)
		var after int
		// A pool of files made ready may stay, of at most 256 (fs/store, handleCache).
		harness.Eventually(t, "descriptors of the daemon closed", func() bool {
			after = descriptors(t, m)
			return after <= before+288
		}, func() string { return fmt.Sprintf("%d, were %d", after, before) })
	})
}

func descriptors(t *testing.T, m *harness.Mount) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", m.PID))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func cycle(t *testing.T, dir string, writer, n int) {
	data := make([]byte, 5000)
	for i := range n {
		name := fmt.Sprintf("%s/%d-%d", dir, writer, i%7)
		fd, err := unix.Open(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		if err != nil {
			t.Errorf("cycle %d: create: %v", i, err)
			return
		}
		if _, err := unix.Write(fd, data); err != nil {
			t.Errorf("cycle %d: write: %v", i, err)
		}
		if i%2 == 0 {
			unix.Close(fd)
			err = unix.Unlink(name)
		} else {
			err = unix.Unlink(name)
			unix.Close(fd)
		}
		if err != nil {
			t.Errorf("cycle %d: unlink: %v", i, err)
			return
		}
	}
}
