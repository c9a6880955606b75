package conformance

import (
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

var sparseCases = map[string]harness.Case{
	"SparseHoles":     sparseHoles,
	"SparseSeek":      sparseSeek,
	"SparsePages":     sparsePages,
	"FallocateModes":  fallocateModes,
	"FallocatePunch":  fallocatePunch,
	"FallocateErrors": fallocateErrors,
}

const page = 4096

func sparseHoles(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o644)
	pwrite(t, fd, "end", 10<<30)
	if st := fstat(t, fd); st.Size != 10<<30+3 || st.Blocks != 8 {
		t.Errorf("size %d, %d blocks", st.Size, st.Blocks)
	}
	wantBytes(t, "hole", fd, 5<<30, make([]byte, 100_000))
	wantBytes(t, "over the border", fd, 10<<30-page, append(make([]byte, page), "end"...))
}

func sparseSeek(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o644)
	pwrite(t, fd, string(pattern(page)), 0)
	pwrite(t, fd, string(pattern(2*page)), 100*page)
	ok(t, "ftruncate", unix.Ftruncate(fd, 200*page))
	for _, c := range []struct {
		off    int64
		whence int
		want   int64
	}{
		{0, unix.SEEK_DATA, 0},
		{0, unix.SEEK_HOLE, page},
		{page, unix.SEEK_DATA, 100 * page},
		{50*page + 5, unix.SEEK_HOLE, 50*page + 5},
		{100*page + 7, unix.SEEK_DATA, 100*page + 7},
		{100 * page, unix.SEEK_HOLE, 102 * page},
		{199 * page, unix.SEEK_HOLE, 199 * page},
		{0, unix.SEEK_END, 200 * page},
	} {
		got, err := unix.Seek(fd, c.off, c.whence)
		if err != nil || got != c.want {
			t.Errorf("seek %d whence %d: %d, %v, want %d", c.off, c.whence, got, err, c.want)
		}
	}
	_, err := unix.Seek(fd, 102*page, unix.SEEK_DATA)
	wantErrno(t, "no data to the end", err, unix.ENXIO)
	_, err = unix.Seek(fd, 200*page, unix.SEEK_HOLE)
	wantErrno(t, "hole at the end", err, unix.ENXIO)
}

// sparsePages: a page written into a hole is one page of data, however near the size is.
func sparsePages(t *testing.T, tree harness.Tree) {
	for _, size := range []int64{4 * page, 256 * page, 512 * page, 2048 * page} {
		fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_TRUNC|unix.O_RDWR, 0o644)
		ok(t, "ftruncate", unix.Ftruncate(fd, size))
		for i, at := range []int64{0, size / 2, size - page} {
			pwrite(t, fd, string(pattern(page)), at)
			if st := fstat(t, fd); st.Blocks != int64(i+1)*8 {
				t.Errorf("of %d bytes %d pages are written and %d blocks counted", size, i+1, st.Blocks)
			}
			if hole, err := unix.Seek(fd, at, unix.SEEK_HOLE); hole != at+page || err != nil {
				t.Errorf("of %d bytes the page at %d is data up to %d, %v", size, at, hole, err)
			}
		}
	}
}

func fallocateModes(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o644)
	pwrite(t, fd, "data", 0)
	ok(t, "keep size", unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, 0, 10*page))
	if st := fstat(t, fd); st.Size != 4 || st.Blocks != 80 {
		t.Errorf("KEEP_SIZE: size %d, %d blocks", st.Size, st.Blocks)
	}
	ok(t, "extend", unix.Fallocate(fd, 0, 5*page, 10*page))
	if st := fstat(t, fd); st.Size != 15*page || st.Blocks != 120 {
		t.Errorf("extend: size %d, %d blocks", st.Size, st.Blocks)
	}
	wantBytes(t, "data stays, rest is zero", fd, 0, append([]byte("data"), make([]byte, 15*page-4)...))
	// A filesystem may not have these; if it has, they have to be right.
	err := unix.Fallocate(fd, unix.FALLOC_FL_ZERO_RANGE, 2, 2*page)
	if err != nil {
		wantErrno(t, "ZERO_RANGE", err, unix.EOPNOTSUPP)
	} else {
		wantBytes(t, "zeroed", fd, 0, append([]byte("da"), make([]byte, page)...))
	}
	wantErrno(t, "COLLAPSE_RANGE", unix.Fallocate(fd, unix.FALLOC_FL_COLLAPSE_RANGE, 0, page), unix.EOPNOTSUPP)
	wantErrno(t, "INSERT_RANGE", unix.Fallocate(fd, unix.FALLOC_FL_INSERT_RANGE, 0, page), unix.EOPNOTSUPP)
	wantErrno(t, "PUNCH_HOLE alone", unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE, 0, page), unix.EOPNOTSUPP)
}

func fallocatePunch(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o644)
	data := pattern(10 * page)
	pwrite(t, fd, string(data), 0)
	wantBytes(t, "warm cache", fd, 0, data)
	const punch = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	ok(t, "punch", unix.Fallocate(fd, punch, 2*page, 3*page))
	clear(data[2*page : 5*page])
	ok(t, "punch inside a page", unix.Fallocate(fd, punch, 8*page+100, 50))
	clear(data[8*page+100 : 8*page+150])
	wantBytes(t, "punched", fd, 0, data)
	if st := fstat(t, fd); st.Size != 10*page || st.Blocks != 7*8 {
		t.Errorf("size %d, %d blocks", st.Size, st.Blocks)
	}
	if off, err := unix.Seek(fd, 0, unix.SEEK_HOLE); off != 2*page || err != nil {
		t.Errorf("hole at %d, %v", off, err)
	}
	ok(t, "punch past the end", unix.Fallocate(fd, punch, 9*page, 100*page))
	if st := fstat(t, fd); st.Size != 10*page {
		t.Errorf("punching past the end makes the size %d", st.Size)
	}
}

func fallocateErrors(t *testing.T, tree harness.Tree) {
	fd := open(t, tree.Dir+"/f", unix.O_CREAT|unix.O_RDWR, 0o644)
	ro := open(t, tree.Dir+"/f", unix.O_RDONLY, 0)
	wantErrno(t, "length 0", unix.Fallocate(fd, 0, 0, 0), unix.EINVAL)
	wantErrno(t, "negative offset", unix.Fallocate(fd, 0, -1, 10), unix.EINVAL)
	wantErrno(t, "read-only handle", unix.Fallocate(ro, 0, 0, 10), unix.EBADF)
	wantErrno(t, "more than there is", unix.Fallocate(fd, 0, 0, 1<<40), unix.ENOSPC)
	if st := fstat(t, fd); st.Size != 0 || st.Blocks != 0 {
		t.Errorf("after ENOSPC: size %d, %d blocks", st.Size, st.Blocks)
	}
	ok(t, "mkfifo", unix.Mkfifo(tree.Dir+"/p", 0o600))
	p := open(t, tree.Dir+"/p", unix.O_RDWR, 0)
	wantErrno(t, "of a FIFO", unix.Fallocate(p, 0, 0, 10), unix.ESPIPE)
}
