package promises

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// kills is how often TestTieredKilled kills a daemon.
func kills() int {
	if harness.Long() {
		return 1000
	}
	return 20
}

// TestTieredKilled: SIGKILL of the daemon in the middle of heavy spilling leaves no file, no space in use, nothing
// to read on the whole disk, no mount and no process.
func TestTieredKilled(t *testing.T) {
	const text = "what nobody may find on any disk"
	d := newDisk(t, 64*mib)
	writeNumbers(t, d.dir+"/control", mib)
	control, err := os.Open(d.dir + "/control")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "write to the disk", unix.Fsync(int(control.Fd())))
	control.Close()
	if !d.holds(t, string(numbers(mib/2, 64))) {
		t.Fatal("a file that is not encrypted is not found: the search is wrong")
	}
	check(t, "remove it", os.Remove(d.dir+"/control"))
	free := d.free(t)
	mark := fmt.Sprintf("VANISHFS_TEST_KILLED=%d", os.Getpid())
	t.Setenv("VANISHFS_TEST_KILLED", fmt.Sprint(os.Getpid()))
	for i := range kills() {
		m := harness.Start(t, harness.Current(), "--store=tiered", "--memory=4MiB", "--size=32MiB", "--spill-dir="+d.dir)
		// Three files in turn, so that two are whole while one is truncated.
		writer := m.ShCommand(`n=0; while :; do n=$(((n + 1) % 3)); yes "` + text + `" | head -c 9000000 > "$D/$n" || exit 0; done`)
		check(t, "start a writer", writer.Start())
		harness.Eventually(t, "it is spilling", func() bool {
			// Not just after the writer began anew, when nothing lies on the disk.
			return m.Status(t).Spilled > int64(1+i%16)*mib && d.free(t) != free
		}, func() string { return fmt.Sprint(m.Status(t), d.free(t)) })
		check(t, "kill the daemon", unix.Kill(m.PID, unix.SIGKILL))
		writer.Wait()
		harness.Eventually(t, "the mount answers with an error", func() bool {
			var st unix.Statfs_t
			return unix.Statfs(m.Dir, &st) == unix.ENOTCONN
		}, func() string { return "no ENOTCONN" })
		m.Unmount(t)
		d.checkUnused(t, free)
		if d.holds(t, text[:16]) || d.holds(t, text[16:]) {
			t.Error("the text is on the disk")
		}
		harness.Eventually(t, "no process is left", func() bool { return len(harness.ProcessesWith(mark)) == 0 },
			func() string { return harness.CommandLines(harness.ProcessesWith(mark)) })
		if t.Failed() {
			t.Fatalf("after kill %d", i)
		}
	}
}

// holds says whether text is anywhere on the disk, in a file or in what was one.
func (d *disk) holds(t *testing.T, text string) (found bool) {
	t.Helper()
	d.read(t, func(raw []byte) { found = bytes.Contains(raw, []byte(text)) })
	return found
}
