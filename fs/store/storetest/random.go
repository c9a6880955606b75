package storetest

import (
	"bytes"
	"errors"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"vanishfs/fs/store"
)

const (
	randomLimit = 24 * page // small, so that it is met all the time
	randomReach = 32 * page // offsets
	randomFiles = 6
)

// testRandom does anything in any order and compares with the model after each step.
func testRandom(t *testing.T, newStore Maker) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStore(t)
		defer s.Close()
		if err := s.Resize(randomLimit); err != nil {
			rt.Fatal(err)
		}
		w := &world{s: s}
		rt.Repeat(map[string]func(*rapid.T){
			"":         w.check,
			"new":      w.new,
			"open":     w.open,
			"close":    w.close,
			"free":     w.free,
			"write":    w.write,
			"read":     w.read,
			"truncate": w.truncate,
			"allocate": w.allocate,
			"fill":     w.fill,
			"seek":     w.seek,
			"missing":  w.missing,
			"copy":     w.copy,
		})
		w.end(rt)
	})
}

// A world is a store and what its files must be.
type world struct {
	s     store.Store
	files []*twin
}

// A twin is a file and its model.
type twin struct {
	store.File
	*model
	opens int
}

func (w *world) used() (pages int64) {
	for _, f := range w.files {
		pages += int64(len(f.pages))
	}
	return pages
}

func (w *world) left() int64 { return randomLimit/page - w.used() }

// pick draws a file; nil if there is none like that.
func (w *world) pick(rt *rapid.T, name string, ok func(*twin) bool) *twin {
	var some []*twin
	for _, f := range w.files {
		if ok(f) {
			some = append(some, f)
		}
	}
	if len(some) == 0 {
		return nil // the step does nothing
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(rt, name)]
}

func isOpen(f *twin) bool   { return f.opens > 0 }
func isClosed(f *twin) bool { return f.opens == 0 }

func offset(rt *rapid.T, name string) int64 {
	if rapid.Bool().Draw(rt, name+" on a page") {
		return rapid.Int64Range(0, randomReach/page).Draw(rt, name) * page
	}
	return rapid.Int64Range(0, randomReach).Draw(rt, name)
}

// check runs after every step.
func (w *world) check(rt *rapid.T) {
	u, err := w.s.Usage()
	if err != nil {
		rt.Fatal(err)
	}
	want := w.used() * page
	if u.Size != randomLimit || u.Used != want || u.Free != randomLimit-want {
		rt.Fatalf("usage %+v, want %d of %d bytes", u, want, randomLimit)
	}
	for i, f := range w.files {
		a, err := f.Attr()
		if err != nil {
			rt.Fatal(err)
		}
		if a.Size != f.size() || a.Blocks != int64(len(f.pages))*(page/512) {
			rt.Fatalf("file %d: %+v, want size %d, %d pages", i, a, f.size(), len(f.pages))
		}
	}
}

func (w *world) new(rt *rapid.T) {
	if len(w.files) == randomFiles {
		return
	}
	f, err := w.s.New()
	if err != nil {
		rt.Fatal(err)
	}
	w.files = append(w.files, &twin{f, newModel(), 1})
}

func (w *world) open(rt *rapid.T) {
	f := w.pick(rt, "file", func(f *twin) bool { return f.opens < 3 })
	if f == nil {
		return
	}
	if err := f.Open(); err != nil {
		rt.Fatal(err)
	}
	f.opens++
}

func (w *world) close(rt *rapid.T) {
	f := w.pick(rt, "file", isOpen)
	if f == nil {
		return
	}
	f.Close()
	f.opens--
}

func (w *world) free(rt *rapid.T) {
	if f := w.pick(rt, "file", isClosed); f != nil {
		w.remove(f)
	}
}

func (w *world) remove(f *twin) {
	f.Free()
	for i := range w.files {
		if w.files[i] == f {
			w.files = append(w.files[:i], w.files[i+1:]...)
			return
		}
	}
}

func (w *world) write(rt *rapid.T) {
	f, off := w.pick(rt, "file", isOpen), offset(rt, "offset")
	if f == nil {
		return
	}
	p := bytes.Repeat([]byte{rapid.Byte().Draw(rt, "byte")}, int(rapid.Int64Range(0, 8*page).Draw(rt, "length")))
	n, err := f.WriteAt(p, off)
	want := f.room(off, int64(len(p)), w.left())
	if int64(n) != want {
		rt.Fatalf("%d of %d bytes written at %d, want %d (%v)", n, len(p), off, want, err)
	}
	if full := want == 0 && len(p) > 0; full != (err == syscall.ENOSPC) || !full && err != nil {
		rt.Fatalf("%d of %d bytes written: %v", n, len(p), err)
	}
	f.model.write(p[:n], off)
}

func (w *world) read(rt *rapid.T) {
	f, off := w.pick(rt, "file", isOpen), offset(rt, "offset")
	if f == nil {
		return
	}
	p := make([]byte, rapid.Int64Range(0, 8*page).Draw(rt, "length"))
	n, err := f.ReadAt(p, off)
	if want := f.model.read(off, int64(len(p))); err != nil || !bytes.Equal(p[:n], want) {
		rt.Fatalf("%d of %d bytes read at %d, want %d, or they differ (%v)", n, len(p), off, len(want), err)
	}
}

func (w *world) truncate(rt *rapid.T) {
	f, size := w.pick(rt, "file", isOpen), offset(rt, "size")
	if f == nil {
		return
	}
	if err := f.Truncate(size); err != nil {
		rt.Fatal(err)
	}
	f.model.truncate(size)
}

// allocate covers the modes; a store may lack any, then with EOPNOTSUPP.
func (w *world) allocate(rt *rapid.T) {
	f, off := w.pick(rt, "file", isOpen), offset(rt, "offset")
	if f == nil {
		return
	}
	n := rapid.Int64Range(1, 12*page).Draw(rt, "length")
	mode := rapid.SampledFrom([]uint32{0, unix.FALLOC_FL_KEEP_SIZE, unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE}).Draw(rt, "mode")
	err := f.Allocate(mode, off, n)
	if err == syscall.EOPNOTSUPP {
		return
	}
	if mode&unix.FALLOC_FL_PUNCH_HOLE != 0 {
		if err != nil {
			rt.Fatal(err)
		}
		f.punch(off, n)
		return
	}
	if full := f.missing(off, n) > w.left(); full != (err == syscall.ENOSPC) || !full && err != nil {
		rt.Fatalf("allocate %d bytes at %d: %v", n, off, err)
	}
	if err == nil {
		f.charge(off, n)
		if mode == 0 {
			f.grow(off + n)
		}
	}
}

// fill: nothing changes but that there are no holes any more.
func (w *world) fill(rt *rapid.T) {
	f, off := w.pick(rt, "file", isOpen), offset(rt, "offset")
	if f == nil {
		return
	}
	n := rapid.Int64Range(1, 8*page).Draw(rt, "length")
	before, err := f.Attr()
	if err != nil {
		rt.Fatal(err)
	}
	within := min(off+n, f.size()) - off/page*page
	if within > 0 && f.model.missing(off/page*page, within) > w.left() {
		n, within = 1, 1 // of more, some may be filled
	}
	full := within > 0 && f.model.missing(off/page*page, within) > w.left()
	switch err := f.Fill(off, n); {
	case full != (err == syscall.ENOSPC), !full && err != nil:
		rt.Fatalf("fill %d bytes at %d: %v", n, off, err)
	case full || within <= 0:
		return
	}
	f.charge(off/page*page, within)
	hole, err := f.Seek(off/page*page, unix.SEEK_HOLE)
	if err != nil || hole < off/page*page+within {
		rt.Fatalf("hole after filling %d bytes at %d: %d, %v", n, off, hole, err)
	}
	after, err := f.Attr()
	after.Blocks, after.Atime = before.Blocks, before.Atime
	if err != nil || after != before {
		rt.Fatalf("fill: %+v, before it %+v, %v", after, before, err)
	}
}

// seek: nothing but zeros is skipped as a hole, and a hole is zeros.
func (w *world) seek(rt *rapid.T) {
	f, off := w.pick(rt, "file", isOpen), offset(rt, "offset")
	if f == nil {
		return
	}
	data, err := f.Seek(off, unix.SEEK_DATA)
	switch {
	case err == syscall.ENXIO:
		if off < f.size() && !f.zero(off, f.size()) {
			rt.Fatalf("no data seen from %d on", off)
		}
	case err != nil || data < off || data >= f.size() || !f.zero(off, data):
		rt.Fatalf("data from %d on: %d, %v", off, data, err)
	}
	hole, err := f.Seek(off, unix.SEEK_HOLE)
	switch {
	case off >= f.size():
		if err != syscall.ENXIO {
			rt.Fatalf("hole past the end: %d, %v", hole, err)
		}
	case err != nil || hole < off || hole > f.size() || !f.zero(hole, (hole/page+1)*page):
		rt.Fatalf("hole from %d on: %d, %v", off, hole, err)
	}
}

// missing: what a write would add is told exactly, also past the end.
func (w *world) missing(rt *rapid.T) {
	f, off := w.pick(rt, "file", isOpen), offset(rt, "offset")
	if f == nil {
		return
	}
	n := rapid.Int64Range(1, 8*page).Draw(rt, "length")
	if got, want := f.Missing(off, n), f.model.missing(off, n)*page; got != want {
		rt.Fatalf("%d bytes missing in %d at %d, want %d", got, n, off, want)
	}
}

func (w *world) copy(rt *rapid.T) {
	from, to := w.pick(rt, "from", isOpen), w.pick(rt, "to", isOpen)
	off, dstOff := offset(rt, "offset"), offset(rt, "to offset")
	n := rapid.Int64Range(0, 8*page).Draw(rt, "length")
	if from == nil || from == to && off < dstOff+n && dstOff < off+n {
		return
	}
	p := bytes.Clone(from.model.read(off, n))
	want := to.room(dstOff, int64(len(p)), w.left())
	done, err := from.CopyTo(to.File, off, dstOff, n)
	if done != want {
		rt.Fatalf("%d of %d bytes copied, want %d (%v)", done, n, want, err)
	}
	if full := want == 0 && len(p) > 0; full != errors.Is(err, syscall.ENOSPC) || !full && err != nil {
		rt.Fatalf("%d of %d bytes copied: %v", done, n, err)
	}
	to.model.write(p[:done], dstOff)
}

// end: what was charged comes back.
func (w *world) end(rt *rapid.T) {
	for len(w.files) > 0 {
		f := w.files[0]
		for ; f.opens > 0; f.opens-- {
			f.Close()
		}
		w.remove(f)
	}
	w.check(rt)
}
