package fs

import (
	"os"
	"strconv"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// mayRemount reports whether the caller may change the options of the mount: as with a tmpfs, who has
// CAP_SYS_ADMIN in the user namespace that the filesystem belongs to (fs/namespace.c, do_remount; fs/super.c,
// reconfigure_super). That namespace is this process's: the kernel takes no other (fs/fuse/inode.c,
// fuse_fill_super). An ordinary user has it only through fusermount3 or in a user namespace of his own; there,
// who mounted may. Whose the top directory is gives no right. Root of the machine, whom an ordinary user's daemon
// cannot look at, has RootOptionsAttr.
//
// The caller waits for the answer and cannot be killed meanwhile (fs/fuse/dev.c, request_wait_answer), so
// its thread id means the caller. Who cannot be looked at may not.
func (f *FS) mayRemount(h *fuse.InHeader) bool {
	return f.opts.Owner != 0 && f.Caller(h) == f.opts.Owner || isAdmin(h.Pid, h.Uid)
}

// isAdmin reports whether the thread, acting as uid, has CAP_SYS_ADMIN in our user namespace. None of what it
// reads waits for the thread, whatever it does (fs/proc/array.c, proc_pid_status; fs/proc/namespaces.c).
func isAdmin(tid, uid uint32) bool {
	if !seesProcesses() {
		return false
	}
	proc := "/proc/" + strconv.FormatUint(uint64(tid), 10)
	ours, err := os.Readlink("/proc/self/ns/user")
	if err != nil {
		return false
	}
	if theirs, err := os.Readlink(proc + "/ns/user"); err != nil || theirs != ours {
		return false
	}
	status, ok := statusOf(proc)
	return ok && status.actsAs(uid) && status.effective()&(1<<unix.CAP_SYS_ADMIN) != 0
}

// procStatus is the fields of /proc/PID/status (proc_pid_status(5)), each cut into words.
type procStatus map[string][]string

func statusOf(proc string) (procStatus, bool) {
	text, err := os.ReadFile(proc + "/status")
	if err != nil {
		return nil, false
	}
	s := procStatus{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			s[name] = strings.Fields(value)
		}
	}
	return s, true
}

// actsAs reports whether the thread is uid itself. A server that acts for somebody else keeps capabilities that
// are not those of whom it serves: by setfsuid(2), or in the kernel (fs/overlayfs, io_uring's personalities). So
// where requests do not say who that is, nobody has any here (caller.go): root of the machine has RootOptionsAttr.
func (s procStatus) actsAs(uid uint32) bool {
	ids, want := s["Uid"], strconv.FormatUint(uint64(uid), 10) // real, effective, saved, filesystem
	return uid != nobody && len(ids) == 4 && ids[1] == want && ids[3] == want
}

// effective is the effective capabilities, none if they cannot be told.
func (s procStatus) effective() uint64 {
	if len(s["CapEff"]) != 1 {
		return 0
	}
	caps, err := strconv.ParseUint(s["CapEff"][0], 16, 64)
	if err != nil {
		return 0
	}
	return caps
}
