package conformance

import (
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var watchCases = map[string]harness.Case{
	"InotifyEvents": inotifyEvents,
}

var eventNames = map[uint32]string{
	unix.IN_CREATE: "create", unix.IN_MODIFY: "modify", unix.IN_ATTRIB: "attrib", unix.IN_CLOSE_WRITE: "close",
	unix.IN_MOVED_FROM: "from", unix.IN_MOVED_TO: "to", unix.IN_DELETE: "delete",
}

func inotifyEvents(t *testing.T, tree harness.Tree) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	ok(t, "inotify_init", err)
	defer unix.Close(fd)
	var mask uint32
	for bit := range eventNames {
		mask |= bit
	}
	_, err = unix.InotifyAddWatch(fd, tree.Dir, mask)
	ok(t, "inotify_add_watch", err)
	f, g := tree.Dir+"/f", tree.Dir+"/g"
	ok(t, "write", os.WriteFile(f, []byte("x"), 0o600))
	ok(t, "chmod", unix.Chmod(f, 0o700))
	ok(t, "rename", unix.Rename(f, g))
	ok(t, "unlink", unix.Unlink(g))
	ok(t, "mkdir", unix.Mkdir(f, 0o700))
	ok(t, "rmdir", unix.Rmdir(f))
	want := []string{"create f", "modify f", "close f", "attrib f", "from f", "to g", "delete g", "create f", "delete f"}
	if got := events(t, fd); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

func events(t *testing.T, fd int) (list []string) {
	t.Helper()
	buf := make([]byte, 16384)
	n, err := unix.Read(fd, buf)
	ok(t, "read events", err)
	for buf = buf[:n]; len(buf) > 0; {
		mask, size := binary.NativeEndian.Uint32(buf[4:]), binary.NativeEndian.Uint32(buf[12:])
		name := strings.TrimRight(string(buf[16:16+size]), "\x00")
		list = append(list, eventNames[mask&^unix.IN_ISDIR]+" "+name)
		buf = buf[16+size:]
	}
	return list
}
