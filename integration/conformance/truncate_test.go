package conformance

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var truncateCases = map[string]harness.Case{
	"TruncateOpen":   truncateOpen,
	"TruncateErrors": truncateErrors,
	"TruncateSizes":  truncateSizes,
}

func truncateOpen(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	data := pattern(3 * page)
	create(t, f, string(data))
	fd := open(t, f, unix.O_RDWR, 0)
	wantBytes(t, "warm cache", fd, 0, data)
	ok(t, "shrink by name", unix.Truncate(f, page+10))
	wantBytes(t, "shrunk", fd, 0, data[:page+10])
	ok(t, "grow", unix.Ftruncate(fd, 3*page))
	wantBytes(t, "what was cut is zero", fd, 0, append(bytes.Clone(data[:page+10]), make([]byte, 2*page-10)...))
	pwrite(t, fd, "x", 5*page)
	ok(t, "shrink", unix.Ftruncate(fd, 1))
	ok(t, "grow", unix.Ftruncate(fd, 5*page+1))
	wantBytes(t, "one byte and zeros", fd, 0, append(bytes.Clone(data[:1]), make([]byte, 5*page)...))
}

func truncateErrors(t *testing.T, tree harness.Tree) {
	f := tree.Dir + "/f"
	create(t, f, "x")
	ro := open(t, f, unix.O_RDONLY, 0)
	wantErrno(t, "read-only handle", unix.Ftruncate(ro, 0), unix.EINVAL)
	wantErrno(t, "negative", unix.Truncate(f, -1), unix.EINVAL)
	wantErrno(t, "missing", unix.Truncate(f+"x", 0), unix.ENOENT)
	wantErrno(t, "directory", unix.Truncate(tree.Dir, 0), unix.EISDIR)
	wantErrno(t, "below a file", unix.Truncate(f+"/x", 0), unix.ENOTDIR)
	ok(t, "symlink", unix.Symlink("self", tree.Dir+"/self"))
	wantErrno(t, "loop", unix.Truncate(tree.Dir+"/self", 0), unix.ELOOP)
	wantContent(t, f, "x")
}

func truncateSizes(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o644)
	for _, size := range []int64{0, 1, page - 1, page, page + 1, 1<<32 + 1, 1 << 40, 1 << 62, 5} {
		ok(t, "ftruncate", unix.Ftruncate(fd, size))
		if st := fstat(t, fd); st.Size != size || st.Blocks != 0 {
			t.Errorf("truncated to %d: size %d, %d blocks", size, st.Size, st.Blocks)
		}
	}
}
