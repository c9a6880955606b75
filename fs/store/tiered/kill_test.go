package tiered

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

var kills = flag.Int("kills", 40, "how often to kill a process that is spilling")

const killDirEnv = "VANISHFS_TEST_SPILL_DIR"

// TestKilledWhileSpilling: a process that is killed at any moment of heavy spilling leaves no file,
// and the disk space it used is free again.
func TestKilledWhileSpilling(t *testing.T) {
	if dir := os.Getenv(killDirEnv); dir != "" {
		spillForever(t, dir)
	}
	dir := t.TempDir()
	for i := range *kills {
		inode := killOne(t, dir, i)
		if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
			t.Fatalf("after kill %d: %v, %v", i, names, err)
		}
		if inodeInUse(inode) {
			t.Fatalf("after kill %d somebody still has the spill file", i)
		}
	}
}

// killOne starts a process, kills it when it has spilled some MiB, and returns the inode of its spill
// file.
func killOne(t *testing.T, dir string, i int) (inode uint64) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWhileSpilling$")
	cmd.Env = append(os.Environ(), killDirEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var spilled int64
	for lines.Scan() {
		if _, err := fmt.Sscan(lines.Text(), &inode, &spilled); err == nil && spilled > int64(i%8)<<20 {
			break
		}
	}
	if spilled == 0 {
		t.Fatal("the child spilled nothing")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child was not killed")
	}
	return inode
}

// spillForever is the child. It says how far it is.
func spillForever(t *testing.T, dir string) {
	s, err := New(Options{SpillDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(s.space.disk.(*spillFile).f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	for i := uint64(0); ; i++ {
		f, err := s.New()
		if err != nil {
			t.Fatal(err)
		}
		for off := int64(0); off < 16<<20; off += 1 << 18 {
			mustWrite(t, f, numbered(i, off, 1<<18), off)
			fmt.Println(st.Ino, s.Stats().Spilled)
		}
		f.Close()
		f.Free()
	}
}

// inodeInUse says whether any process has a descriptor of a spill file with that inode.
func inodeInUse(inode uint64) bool {
	procs, _ := os.ReadDir("/proc")
	for _, p := range procs {
		fds, _ := os.ReadDir("/proc/" + p.Name() + "/fd") // not a process, or gone
		for _, fd := range fds {
			var st unix.Stat_t
			if unix.Stat("/proc/"+p.Name()+"/fd/"+fd.Name(), &st) == nil && st.Ino == inode && st.Nlink == 0 && st.Mode&unix.S_IFMT == unix.S_IFREG {
				return true
			}
		}
	}
	return false
}
