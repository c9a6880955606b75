package seal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// vmFlags are the kernel's flags of the mapping that holds r's keys (fs/proc/task_mmu.c,
// show_smap_vma_flags).
func vmFlags(t *testing.T, r *Ring) []string {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	within := false
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var from, to uintptr
		if n, _ := fmt.Sscanf(sc.Text(), "%x-%x ", &from, &to); n == 2 {
			within = from <= address(r.region.mem) && address(r.region.mem) < to
		}
		if flags, ok := strings.CutPrefix(sc.Text(), "VmFlags:"); ok && within {
			return strings.Fields(flags)
		}
	}
	t.Fatal("the region is not mapped")
	return nil
}

func TestRegionIsLockedAndNotDumped(t *testing.T) {
	r := newRing(t)
	flags := vmFlags(t, r)
	for flag, meaning := range map[string]string{"lo": "locked", "dd": "not dumped", "wf": "wiped on fork"} {
		if !slices.Contains(flags, flag) {
			t.Errorf("keys are not %s: %v", meaning, flags)
		}
	}
	if len(r.slots) < 32 {
		t.Errorf("room for %d keys", len(r.slots))
	}
}

// What is expanded lies inside the region.
func TestExpandedKeysAreInTheRegion(t *testing.T) {
	r := newRing(t)
	k := r.NewKey(1)
	mustSeal(t, k, pattern(1), 0)
	for name, p := range map[string]uintptr{"master": pointer(r.master), "file": pointer(k.slot.aead)} {
		if from := address(r.region.mem); p < from || p >= from+uintptr(len(r.region.mem)) {
			t.Errorf("the %s key is outside", name)
		}
	}
	if !allZero(r.key) {
		t.Error("a bare key was left in the scratch")
	}
}

// The master key, as the schedule starts with it, occurs in the process's memory
// once, in the region: nowhere on the heap or on a stack.
func TestNoOtherCopyOfTheMasterKey(t *testing.T) {
	r := newRing(t)
	schedule := r.region.mem[alignment : alignment+slotSize]
	needle := schedule[16:32] // within the first round keys, after the number of rounds
	if allZero(needle) {
		t.Fatal("this is not the key schedule")
	}
	if at := find(t, needle); len(at) != 1 || at[0] != address(needle) {
		t.Errorf("the key is at %x, wanted only at %x", at, address(needle))
	}
}

// find gives the addresses of what in all writable memory of this process, but for the
// buffer that it reads that memory into.
func find(t *testing.T, what []byte) (at []uintptr) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	buf, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(buf)
	for line := range strings.Lines(string(maps)) {
		var from, to uintptr
		var mode string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); n != 3 || !strings.HasPrefix(mode, "rw") {
			continue
		}
		for ; from < to; from += uintptr(len(buf)) {
			n, err := mem.ReadAt(buf[:min(uintptr(len(buf)), to-from)], int64(from))
			if n == 0 && err != nil {
				break // [vvar] and the like
			}
			for i := 0; ; {
				j := bytes.Index(buf[i:n], what)
				if j < 0 {
					break
				}
				if a := from + uintptr(i+j); a < address(buf) || a >= address(buf)+uintptr(len(buf)) {
					at = append(at, a)
				}
				i += j + 1
			}
		}
	}
	return at
}

const lockLimitEnv = "VANISHFS_TEST_LOCK_LIMIT"

// Without the right to lock memory New says so, and the caller may go on without.
func TestLockLimit(t *testing.T) {
	if os.Getenv(lockLimitEnv) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestLockLimit$")
		cmd.Env = append(os.Environ(), lockLimitEnv+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	forbidLocking(t)
	_, err := New(Options{})
	if !errors.Is(err, ErrNotLocked) || !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "ulimit -l") {
		t.Errorf("locked: %v", err)
	}
	r, err := New(Options{Unlocked: true})
	if err != nil {
		t.Fatal(err)
	}
	mustSeal(t, r.NewKey(1), pattern(page), 0)
	r.Close()
}

// forbidLocking takes the right away from this process and, since root is exempt from the
// limit (mm/mlock.c, can_do_mlock), the capability from this thread.
func forbidLocking(t *testing.T) {
	runtime.LockOSThread()
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{}); err != nil {
		t.Fatal(err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
	caps[0].Effective &^= 1 << unix.CAP_IPC_LOCK
	if err := unix.Capset(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
}
