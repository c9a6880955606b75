package tiered

import (
	"bytes"
	"errors"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

const (
	modelReach = 80 * pageSize // more than fits in tight memory
	modelFiles = 3
)

// A twin is a file and the bytes that it must have.
type twin struct {
	*File
	data []byte
}

// A world is a store under pressure whose disk fails at times.
type world struct {
	*fixture
	files  []*twin
	full   bool // the disk takes nothing more
	broken bool // the disk takes nothing
	blind  bool // the disk gives nothing
	jammed bool // the disk's writes take until later
}

// TestModel does anything in any order with little memory and a disk that is full, fails to write or
// fails to read at times, and compares with plain bytes. What fails must fail with the right
// errno and change nothing that was acknowledged.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, tight)
		actions := w.actions()
		actions["full"] = func(rt *rapid.T) { w.fault(&w.full) }
		actions["broken"] = func(rt *rapid.T) { w.fault(&w.broken) }
		actions["blind"] = func(rt *rapid.T) { w.fault(&w.blind) }
		rt.Repeat(actions)
		w.end(rt)
	})
}

// TestModelInFlight does the same while pages are on their way to the disk, which takes until some
// later step.
func TestModelInFlight(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, eager)
		actions := w.actions()
		actions["jam"] = func(rt *rapid.T) {
			w.fault(&w.jammed)
			w.spiller.wake()
		}
		actions["launch"] = func(rt *rapid.T) {
			if w.jammed {
				w.spiller.wake()
				wait(rt, "the workers to be stuck or idle", func() bool { return w.disk.waiting() == int(w.spiller.busy.Load()) })
			}
		}
		rt.Repeat(actions)
		w.end(rt)
	})
}

func newWorld(rt *rapid.T, m marks) *world {
	w := &world{fixture: newFixture(rt, Options{}, m)}
	for range modelFiles {
		w.files = append(w.files, &twin{File: w.file(rt)})
	}
	return w
}

func (w *world) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"write":    w.write,
		"read":     w.read,
		"truncate": w.truncate,
		"punch":    w.punch,
		"zero":     w.zero,
		"copy":     w.copy,
		"spill":    w.spill,
		"replace":  w.replace,
		"":         w.verify,
	}
}

// end: without faults everything is there, and nothing is left when it has gone.
func (w *world) end(rt *rapid.T) {
	for _, on := range []*bool{&w.full, &w.broken, &w.blind, &w.jammed} {
		if *on {
			w.fault(on)
		}
	}
	for _, f := range w.files {
		mustHold(rt, f, f.data, 0)
	}
	w.check(rt, w.all()...)
	for _, f := range w.files {
		f.File.Close()
		f.Free()
	}
	w.check(rt)
	w.checkWiped(rt)
}

func (w *world) all() (files []*File) {
	for _, f := range w.files {
		files = append(files, f.File)
	}
	return files
}

func (w *world) pick(rt *rapid.T) *twin {
	return w.files[rapid.IntRange(0, len(w.files)-1).Draw(rt, "file")]
}

func offset(rt *rapid.T) int64 {
	if rapid.Bool().Draw(rt, "on a page") {
		return rapid.Int64Range(0, modelReach/pageSize).Draw(rt, "offset") * pageSize
	}
	return rapid.Int64Range(0, modelReach).Draw(rt, "offset")
}

func length(rt *rapid.T) int64 { return rapid.Int64Range(1, 20*pageSize).Draw(rt, "length") }

// fault switches one fault on or off.
func (w *world) fault(which *bool) {
	*which = !*which
	w.disk.set(func(d *fakeDisk) {
		d.limit, d.writeErr, d.readErr, d.jammed = 0, nil, nil, w.jammed
		if w.full {
			d.limit = max(len(d.pages), 1)
		}
		if w.broken {
			d.writeErr = errors.New("broken")
		}
		if w.blind {
			d.readErr = errors.New("blind")
		}
	})
}

// excused says whether a fault that is on explains an error.
func (w *world) excused(err error) bool {
	return err == syscall.ENOSPC && w.full || err == syscall.EIO && (w.broken || w.blind)
}

func (f *twin) grow(size int64) {
	if n := size - int64(len(f.data)); n > 0 {
		f.data = append(f.data, make([]byte, n)...)
	}
}

func (w *world) write(rt *rapid.T) {
	f, off := w.pick(rt), offset(rt)
	p := numbered(rapid.Uint64().Draw(rt, "seed"), off, int(length(rt)))
	n, err := f.WriteAt(p, off)
	if n < len(p) && err == nil && !w.full && !w.broken && !w.blind || err != nil && (n != 0 || !w.excused(err)) {
		rt.Fatalf("%d of %d bytes written: %v", n, len(p), err)
	}
	if n > 0 {
		f.grow(off + int64(n))
		copy(f.data[off:], p[:n])
	}
}

func (w *world) read(rt *rapid.T) {
	f, off := w.pick(rt), offset(rt)
	p := make([]byte, length(rt))
	n, err := f.ReadAt(p, off)
	if err == syscall.EIO && w.blind {
		return
	}
	var want []byte
	if off < int64(len(f.data)) {
		want = f.data[off:min(off+int64(len(p)), int64(len(f.data)))]
	}
	if err != nil || !bytes.Equal(p[:n], want) {
		rt.Fatalf("%d of %d bytes read at %d, want %d, or they differ (%v)", n, len(p), off, len(want), err)
	}
}

func (w *world) truncate(rt *rapid.T) {
	f, size := w.pick(rt), offset(rt)
	if err := f.Truncate(size); err != nil {
		if !w.excused(err) {
			rt.Fatal(err)
		}
		return
	}
	f.grow(size)
	f.data = f.data[:size]
}

// punch and zero make zeros; when the disk does not let them they may have got as far as one edge.
func (w *world) punch(rt *rapid.T) {
	w.clear(rt, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE)
}

func (w *world) zero(rt *rapid.T) { w.clear(rt, unix.FALLOC_FL_ZERO_RANGE) }

func (w *world) clear(rt *rapid.T, mode uint32) {
	f, off, n := w.pick(rt), offset(rt), length(rt)
	err := f.Allocate(mode, off, n)
	if err != nil && !w.excused(err) {
		rt.Fatal(err)
	}
	if err == nil && mode == unix.FALLOC_FL_ZERO_RANGE {
		f.grow(off + n)
	}
	end := min(off+n, int64(len(f.data)))
	if err != nil {
		end = min(end, (off/pageSize+1)*pageSize)
		p := make([]byte, max(0, end-off))
		if _, rerr := f.ReadAt(p, off); off >= end || rerr != nil || bytes.Equal(p, f.data[off:end]) {
			return
		}
	}
	if off < end {
		clear(f.data[off:end])
	}
}

func (w *world) copy(rt *rapid.T) {
	from, to := w.files[0], w.files[1]
	off, dstOff, n := offset(rt), offset(rt), length(rt)
	var p []byte
	if off < int64(len(from.data)) {
		p = bytes.Clone(from.data[off:min(off+n, int64(len(from.data)))])
	}
	done, err := from.CopyTo(to.File, off, dstOff, n)
	if err != nil && (done != 0 || !w.excused(err)) || err == nil && done < int64(len(p)) && !w.full && !w.broken && !w.blind {
		rt.Fatalf("%d of %d bytes copied: %v", done, len(p), err)
	}
	if done > 0 {
		to.grow(dstOff + done)
		copy(to.data[dstOff:], p[:done])
	}
}

// spill lets the workers do what they can at this moment.
func (w *world) spill(rt *rapid.T) {
	if !w.full && !w.broken && !w.jammed {
		w.spillAll(rt, w.pick(rt).File)
	}
}

func (w *world) replace(rt *rapid.T) {
	f := w.pick(rt)
	f.File.Close()
	f.Free()
	f.File, f.data = w.file(rt), nil
}

func (w *world) verify(rt *rapid.T) {
	for _, f := range w.files {
		if a, err := f.Attr(); err != nil || a.Size != int64(len(f.data)) {
			rt.Fatalf("size %d, want %d (%v)", a.Size, len(f.data), err)
		}
	}
	if w.jammed {
		return
	}
	w.check(rt, w.all()...)
	if st := w.Stats(); st.Memory > st.MemoryLimit {
		rt.Fatalf("%d bytes in memory, the budget is %d", st.Memory, st.MemoryLimit)
	}
}
