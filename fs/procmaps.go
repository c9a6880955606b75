package fs

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// mapsMost is how many mappings of files a look goes through: a millisecond's work.
const mapsMost = 1024

// MayMap reports whether a process has inode ino of some filesystem mapped (proc(5), /proc/pid/maps), in whatever
// way: on tmpfs too a fault in any mapping fills a hole. True in doubt, and doubt is: a process that this one may not
// look at (kernel/ptrace.c, __ptrace_may_access), that its /proc does not show, that has no memory of its own, or
// that has very many mappings. Another filesystem's inode of that number costs a page that would have been a hole.
func MayMap(pid uint32, ino uint64) bool {
	if pid == 0 || !ownProc() {
		return true
	}
	path := "/proc/" + strconv.FormatUint(uint64(pid), 10) + "/maps"
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return true
	}
	maps := os.NewFile(uintptr(fd), path)
	defer maps.Close()
	switch mapped, err := queryMaps(fd, ino); err {
	case nil:
		return mapped
	case unix.ENOTTY: // before Linux 6.11
		return readMaps(maps, ino)
	}
	return true
}

// ownProc reports whether /proc shows the pid namespace of this process, whose numbers the kernel tells.
var ownProc = sync.OnceValue(func() bool {
	self, err := os.Readlink("/proc/self")
	return err == nil && self == strconv.Itoa(os.Getpid())
})

// queryMaps asks for one mapping of a file after the other (fs/proc/task_mmu.c, do_procmap_query).
func queryMaps(fd int, ino uint64) (bool, error) {
	q := procmapQuery{flags: procmapCoveringOrNext | procmapFileBacked}
	for range mapsMost {
		switch err := q.ask(fd); {
		case err == unix.ENOENT: // that was the last
			return false, nil
		case err != nil:
			return true, err
		case q.inode == ino:
			return true, nil
		}
		q.addr = q.end
	}
	return true, nil
}

// readMaps reads the text.
func readMaps(maps *os.File, ino uint64) bool {
	want := strconv.FormatUint(ino, 10)
	lines, seen := bufio.NewScanner(maps), 0
	for ; lines.Scan(); seen++ {
		// address perms offset dev inode path
		fields := strings.Fields(lines.Text())
		if seen == mapsMost || len(fields) < 5 || fields[4] == want {
			return true
		}
	}
	return seen == 0 || lines.Err() != nil // a kernel thread has none
}
