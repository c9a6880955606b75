package fs

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// TestCaller: on a mount that may be id-mapped, a caller is who his thread acts as, whatever the request says.
func TestCaller(t *testing.T) {
	says := func(pid, uid uint32) *fuse.InHeader {
		return &fuse.InHeader{Caller: fuse.Caller{Owner: fuse.Owner{Uid: uid}, Pid: pid}}
	}
	plain, mapped := &FS{}, &FS{opts: Options{IDMapped: true}}
	pids := map[uint32]uint32{uint32(os.Getpid()): uint32(os.Geteuid()), 0: nobody, 1 << 30: nobody}
	if os.Geteuid() == 0 {
		other := exec.Command("sleep", "infinity")
		other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4711, Gid: 4711}, Pdeathsig: syscall.SIGKILL}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			other.Process.Kill()
			other.Wait()
		}()
		pids[uint32(other.Process.Pid)] = 4711
	}
	for pid, want := range pids {
		for _, uid := range []uint32{5, nobody} {
			if got := plain.Caller(says(pid, uid)); got != uid {
				t.Errorf("pid %d, uid %d: caller %d", pid, uid, got)
			}
			if got := mapped.Caller(says(pid, uid)); got != want {
				t.Errorf("pid %d, uid %d of a mount that may be id-mapped: caller %d, want %d", pid, uid, got, want)
			}
		}
	}
}

// TestNobodyMakesNothing: what the mount has no id for does not come to be.
func TestNobodyMakesNothing(t *testing.T) {
	f := &FS{}
	for _, o := range []fuse.Owner{{Uid: nobody}, {Gid: nobody}} {
		if n, err := f.newInode(maker{typ: syscall.S_IFREG}, &fuse.InHeader{Caller: fuse.Caller{Owner: o}}); n != nil || err != syscall.EOVERFLOW {
			t.Errorf("made by %+v: %v, %v", o, n, err)
		}
	}
}
