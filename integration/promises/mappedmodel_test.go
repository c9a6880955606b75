package promises

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"vanishfs/integration/harness"
)

const modelPages = 96

// A subject is a file under test, or the same file on a tmpfs of the kernel's: open, and mapped shared and writable.
type subject struct {
	mapping
	reader int // a handle that can only read, and reads nothing ahead: what is read ahead is cached for a moment
}

func newSubject(t *rapid.T, path string) subject {
	m, err := newMapping(path, modelPages*page)
	if err == nil {
		var fd int
		if fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
			err = unix.Fadvise(fd, 0, 0, unix.FADV_RANDOM)
		}
		if err == nil {
			return subject{m, fd}
		}
	}
	t.Fatal(err)
	return subject{}
}

func (s subject) close() {
	unix.Munmap(s.data)
	unix.Close(s.fd)
	unix.Close(s.reader)
}

// segments is where SEEK_DATA and SEEK_HOLE say that data is, and the data.
func (s subject) segments() (where string, data []byte, err error) {
	var b strings.Builder
	data = make([]byte, modelPages*page)
	for off := int64(0); ; {
		from, err := unix.Seek(s.reader, off, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return b.String(), data, nil
		}
		if err == nil {
			off, err = unix.Seek(s.reader, from, unix.SEEK_HOLE)
		}
		if err == nil {
			_, err = unix.Pread(s.reader, data[from:off], from)
		}
		if err != nil {
			return b.String(), data, err
		}
		fmt.Fprintf(&b, " %d-%d", from, off)
	}
}

// A pair does the same to both.
type pair struct {
	ours, theirs subject
	size         int64
	reserved     bool // fallocate(2) was used: where that is data is known to each alone
	around       bool // the kernel reads around a fault: a single page between cached ones is filled with it
}

// span draws a range within the first limit bytes; n is 0 if there is none.
func span(t *rapid.T, limit int64) (off, n int64) {
	if limit == 0 {
		return 0, 0
	}
	off = rapid.Int64Range(0, limit-1).Draw(t, "offset")
	return off, rapid.Int64Range(1, min(limit-off, 9*page)).Draw(t, "length")
}

// both runs f for each and wants the same error.
func (p *pair) both(t *rapid.T, f func(s subject) error) {
	theirs, ours := f(p.theirs), f(p.ours)
	if ours != theirs {
		t.Fatalf("%v, on tmpfs %v", ours, theirs)
	}
}

func (p *pair) store(t *rapid.T) {
	off, n := span(t, p.size)
	b := rapid.Byte().Draw(t, "byte")
	p.both(t, func(s subject) error {
		copy(s.data[off:], bytes.Repeat([]byte{b}, int(n)))
		return nil
	})
}

func (p *pair) load(t *rapid.T) {
	off, n := span(t, p.size)
	if !bytes.Equal(p.ours.data[off:off+n], p.theirs.data[off:off+n]) {
		t.Fatalf("%d bytes at %d differ", n, off)
	}
}

func (p *pair) write(t *rapid.T) {
	off, n := span(t, modelPages*page)
	data := bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, int(n))
	p.both(t, func(s subject) error {
		_, err := unix.Pwrite(s.fd, data, off)
		return err
	})
	p.size = max(p.size, off+n)
}

// read reads by a handle that cannot be mapped so, and waits for the holes in it to be forgotten.
func (p *pair) read(t *rapid.T) {
	off, n := span(t, p.size)
	got := [2][]byte{make([]byte, n), make([]byte, n)}
	for i, s := range []subject{p.ours, p.theirs} {
		if m, err := unix.Pread(s.reader, got[i], off); int64(m) != n || err != nil {
			t.Fatalf("%d of %d bytes read at %d: %v", m, n, off, err)
		}
	}
	if !bytes.Equal(got[0], got[1]) {
		t.Fatalf("%d bytes at %d differ", n, off)
	}
	if !p.uncached() {
		t.Fatal("holes that were read stay cached")
	}
}

// uncached waits until no page that is a hole in ours is cached.
func (p *pair) uncached() bool {
	return harness.Within(harness.Patience, func() bool {
		cached := make([]byte, modelPages)
		if mincore(p.ours.data, cached) != nil {
			return false
		}
		for i := range int64(modelPages) {
			data, err := unix.Seek(p.ours.reader, i*page, unix.SEEK_DATA)
			if i*page < p.size && cached[i]&1 != 0 && (err != nil || data != i*page) {
				return false
			}
		}
		return true
	})
}

func (p *pair) truncate(t *rapid.T) {
	size := rapid.Int64Range(0, modelPages*page).Draw(t, "size")
	p.both(t, func(s subject) error { return unix.Ftruncate(s.fd, size) })
	p.size = size
}

func (p *pair) punch(t *rapid.T) {
	if off, n := span(t, modelPages*page); n > 0 {
		p.both(t, func(s subject) error {
			return unix.Fallocate(s.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
		})
	}
}

func (p *pair) reserve(t *rapid.T) {
	off, n := span(t, modelPages*page)
	p.both(t, func(s subject) error { return unix.Fallocate(s.fd, 0, off, n) })
	p.size, p.reserved = max(p.size, off+n), true
}

func (p *pair) copy(t *rapid.T) {
	from, n := span(t, p.size)
	to := rapid.Int64Range(0, modelPages*page-n).Draw(t, "to")
	if n == 0 || from < to+n && to < from+n {
		return
	}
	p.both(t, func(s subject) error {
		from, to := from, to
		if m, err := unix.CopyFileRange(s.fd, &from, s.fd, &to, int(n), 0); err != nil || int64(m) != n {
			return fmt.Errorf("%d of %d bytes copied: %w", m, n, err)
		}
		return nil
	})
	p.size = max(p.size, to+n)
}

func (p *pair) sync(t *rapid.T) {
	p.both(t, func(s subject) error { return unix.Msync(s.data, unix.MS_SYNC) })
}

// check compares all that can be asked of both.
func (p *pair) check(t *rapid.T) {
	var ours, theirs unix.Stat_t
	if err := unix.Fstat(p.ours.fd, &ours); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fstat(p.theirs.fd, &theirs); err != nil {
		t.Fatal(err)
	}
	if ours.Size != theirs.Size || ours.Blocks < theirs.Blocks || !p.around && ours.Blocks > theirs.Blocks {
		t.Fatalf("%d bytes in %d blocks, on tmpfs %d in %d", ours.Size, ours.Blocks, theirs.Size, theirs.Blocks)
	}
	where, data, err := p.ours.segments()
	if err != nil {
		t.Fatal(err)
	}
	wantWhere, want, err := p.theirs.segments()
	if err != nil {
		t.Fatal(err)
	}
	if !p.reserved && !p.around && where != wantWhere {
		t.Fatalf("data at%s, on tmpfs at%s", where, wantWhere)
	}
	if !bytes.Equal(data, want) {
		t.Fatal("where it says that data is, it is other than on tmpfs")
	}
}

// TestMappedModel does anything to a file that is mapped, as to one on a tmpfs, and compares after each step.
func TestMappedModel(t *testing.T) {
	if !harness.Root() {
		t.Fatal("only root mounts a tmpfs to compare with")
	}
	native := harness.Tmpfs(t)
	stores := map[string][]string{"memory": {"--passthrough=off", "--huge=never"}, "tiered": {"--store=tiered", "--memory=4MiB"}, "users": {"--user-size=64MiB"}}
	for _, via := range transports() {
		for name, flags := range stores {
			t.Run(name+"/"+via, func(t *testing.T) {
				m := harness.Start(t, harness.Current(), append(flags, "--transport="+via, "--size=64MiB")...)
				n := 0
				rapid.Check(t, func(rt *rapid.T) {
					n++
					file := fmt.Sprintf("/%s-%s-%d", name, via, n)
					p := &pair{ours: newSubject(rt, m.Dir+file), theirs: newSubject(rt, native+file), size: modelPages * page}
					defer unix.Unlink(m.Dir + file)
					defer unix.Unlink(native + file)
					defer p.ours.close()
					defer p.theirs.close()
					if p.around = rapid.Bool().Draw(rt, "read around"); !p.around {
						p.both(rt, func(s subject) error { return unix.Madvise(s.data, unix.MADV_RANDOM) })
					}
					rt.Repeat(map[string]func(*rapid.T){
						"": p.check, "store": p.store, "load": p.load, "write": p.write, "read": p.read, "truncate": p.truncate,
						"punch": p.punch, "reserve": p.reserve, "copy": p.copy, "sync": p.sync,
					})
				})
			})
		}
	}
}
