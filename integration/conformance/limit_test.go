package conformance

import (
	"errors"
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var limitCases = map[string]harness.Case{
	"FileSizeRlimit": fileSizeRlimit,
	"RootIsBusy":     rootIsBusy,
}

func init() {
	harness.Helper("rlimit-fsize", func(args []string) int {
		signal.Ignore(unix.SIGXFSZ)
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 10_000, Max: 10_000}); err != nil {
			return 1
		}
		fd, err := unix.Open(args[0], unix.O_CREAT|unix.O_RDWR, 0o600)
		if err != nil {
			return 2
		}
		if n, err := unix.Pwrite(fd, make([]byte, 8192), 5000); n != 5000 || err != nil {
			return 3 // what fits is written
		}
		if _, err := unix.Pwrite(fd, []byte("x"), 10_000); !errors.Is(err, unix.EFBIG) {
			return 4
		}
		if err := unix.Ftruncate(fd, 10_001); !errors.Is(err, unix.EFBIG) {
			return 5
		}
		return 0
	})
}

func fileSizeRlimit(t *testing.T, tree harness.Tree) {
	if out, err := harness.HelperCommand("rlimit-fsize", tree.Dir+"/f").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if st := lstat(t, tree.Dir+"/f"); st.Size != 10_000 {
		t.Errorf("size %d", st.Size)
	}
}

func rootIsBusy(t *testing.T, tree harness.Tree) {
	if tree.Native && tree.Root == tree.Dir {
		return
	}
	err := unix.Rmdir(tree.Root)
	if err == nil {
		t.Fatal("the root could be removed")
	}
	wantErrno(t, "rmdir of the root", err, unix.EBUSY, unix.ENOTEMPTY, unix.EACCES, unix.EPERM)
	wantErrno(t, "rename of the parent into its child", unix.Rename(tree.Dir, tree.Dir+"/in"), unix.EINVAL)
}
