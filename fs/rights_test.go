package fs

import (
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestChangeTakesRights: root without the capability, as in a container, does not lift the cap of the mount, nor
// does who has it for another.
func TestChangeTakesRights(t *testing.T) {
	f := newTree(t, func(o *Options) { o.Control = new(tells) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		u := root(f)
		u.h.Pid = uint32(unix.Gettid())
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var caps [2]unix.CapUserData
		if err := unix.Capget(&header, &caps[0]); err != nil {
			t.Error(err)
			return
		}
		if caps[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0 {
			if err := u.setXAttr(1, "user.vanish.inodes", "1000"); err != nil {
				t.Errorf("with the capability: %v", err)
			}
			served := u
			served.h.Uid = somebody
			if err := served.setXAttr(1, "user.vanish.inodes", "1000"); err != syscall.EPERM {
				t.Errorf("with the capability, acting for another: %v", err)
			}
		} else {
			t.Log("not root: that the capability is enough is not tested")
		}
		caps[0].Effective &^= 1 << unix.CAP_SYS_ADMIN
		if err := unix.Capset(&header, &caps[0]); err != nil {
			t.Error(err)
			return
		}
		if err := u.setXAttr(1, "user.vanish.inodes", "0"); err != syscall.EPERM {
			t.Errorf("without the capability: %v", err)
		}
	}()
	<-done
}

// TestActsAs: nobody has the rights of a server that acts for him, also where the request does not say for whom.
func TestActsAs(t *testing.T) {
	ids := func(effective, filesystem string) []string { return []string{"0", effective, "0", filesystem} }
	for _, c := range []struct {
		what   string
		status procStatus
		uid    uint32
		want   bool
	}{
		{"for itself", procStatus{"Uid": ids("0", "0")}, 0, true},
		{"for another", procStatus{"Uid": ids("0", "0")}, 5, false},
		{"by setfsuid", procStatus{"Uid": ids("0", "5")}, 5, false},
		{"not said for whom", procStatus{"Uid": ids("0", "0")}, nobody, false},
		{"for who has no id", procStatus{"Uid": ids("4294967295", "4294967295")}, nobody, false},
		{"nothing known", procStatus{}, nobody, false},
	} {
		if got := c.status.actsAs(c.uid); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}
