package tiered

import (
	"bytes"
	"syscall"
	"testing"
	"time"
)

// glanceFixture is a store with a spilled file and a disk that has been quick.
func glanceFixture(t *testing.T) (*fixture, *File) {
	t.Helper()
	fx := newFixture(t, Options{}, newMarks(0))
	f := fx.file(t)
	mustWrite(t, f, numbered(1, 0, 32*chunkSize), 0)
	fx.spillAll(t, f)
	fx.disk.set(func(d *fakeDisk) { d.reads = 0 })
	fx.quickDisk()
	return fx, f
}

// quickDisk makes up for reads that took long because the machine is busy.
func (fx *fixture) quickDisk() { fx.fetcher.tempo.nanoseconds.Store(0) }

// glancing is how many glances are in use.
func (fx *fixture) glancing() (n int) {
	fx.ahead.mu.Lock()
	defer fx.ahead.mu.Unlock()
	for i := range fx.ahead.glances {
		if fx.ahead.glances[i].file != nil {
			n++
		}
	}
	return n
}

func (fx *fixture) wantReads(t *testing.T, want int) {
	t.Helper()
	fx.disk.set(func(d *fakeDisk) {
		if d.reads != want {
			t.Errorf("%d reads of the disk, want %d", d.reads, want)
		}
	})
}

// A small read from a quick disk takes one read of it, and nobody has to wait elsewhere.
func TestGlance(t *testing.T) {
	fx, f := glanceFixture(t)
	for i := range int64(20) {
		off := i/2*chunkSize + 5*pageSize
		if i%2 != 0 { // too far away for a sequence
			off += 20 * chunkSize
		}
		fx.quickDisk()
		if f.MayWait(off, pageSize, false) {
			t.Fatalf("page at %d was not there at a glance", off)
		}
		mustHold(t, f, numbered(1, off, pageSize), off)
	}
	fx.wantReads(t, 20)
	if n := fx.glancing(); n != 0 {
		t.Errorf("%d glances are still in use", n)
	}
	if !f.MayWait(0, chunkSize, false) {
		t.Error("a whole chunk is too much for a glance")
	}
}

// A disk that does not answer holds nobody up who could be handed over, and is not tried again until it was quick
// for a while.
func TestGlanceAtAStuckDisk(t *testing.T) {
	fx, f := glanceFixture(t)
	fx.disk.set(func(d *fakeDisk) { d.stuck = true })
	if !f.MayWait(0, pageSize, false) {
		t.Error("the disk is stuck")
	}
	if fx.fetcher.tempo.quick() {
		t.Error("the disk still counts as quick")
	}
	wait(t, "the read to be stuck", func() bool { return fx.disk.waiting() == 1 })
	for range 10 {
		if !f.MayWait(chunkSize, pageSize, false) {
			t.Error("the disk is still stuck")
		}
	}
	if n := fx.disk.waiting(); n != 1 {
		t.Errorf("%d reads are stuck", n)
	}
	fx.disk.set(func(d *fakeDisk) { d.stuck = false })
	wait(t, "the read to be over", func() bool { return fx.glancing() == 0 })
	mustHold(t, f, numbered(1, 0, 2*chunkSize), 0)
}

// What was changed after a glance is read as it is now, and glances that nobody comes for are used again.
func TestGlanceInVain(t *testing.T) {
	fx, f := glanceFixture(t)
	for i := range int64(glances) {
		fx.quickDisk()
		if f.MayWait(i*chunkSize, pageSize, false) {
			t.Fatalf("glance %d failed", i)
		}
	}
	if !f.MayWait(20*chunkSize, pageSize, false) {
		t.Error("there is one glance too many")
	}
	mustWrite(t, f, numbered(2, 0, glances*chunkSize), 0)
	fx.spillAll(t, f)
	mustHold(t, f, numbered(2, 0, glances*chunkSize), 0)
	fx.ahead.mu.Lock()
	fx.ahead.reads += patience
	fx.ahead.mu.Unlock()
	fx.quickDisk()
	if f.MayWait(20*chunkSize, pageSize, false) {
		t.Error("no glance became free")
	}
	f.Close()
	f.Free()
	if n := fx.glancing(); n != 0 {
		t.Errorf("%d glances are in use for a file that is gone", n)
	}
	for i := range fx.ahead.glances {
		if buf := fx.ahead.glances[i].buf; !bytes.Equal(buf, make([]byte, len(buf))) {
			t.Errorf("glance %d was not wiped", i)
		}
	}
}

// What a glance cannot read or open is left to the reader, who is told.
func TestGlanceAtABadDisk(t *testing.T) {
	fx, f := glanceFixture(t)
	fx.disk.set(func(d *fakeDisk) {
		for _, page := range d.pages {
			page[100] ^= 1
		}
	})
	if !f.MayWait(0, pageSize, false) {
		t.Error("altered data was taken")
	}
	if _, err := f.ReadAt(make([]byte, pageSize), 0); err != syscall.EIO {
		t.Errorf("altered data: %v", err)
	}
	fx.disk.set(func(d *fakeDisk) { d.readErr = syscall.EIO })
	fx.quickDisk()
	if !f.MayWait(0, pageSize, false) {
		t.Error("a failed read was taken")
	}
	if n := fx.glancing(); n != 0 {
		t.Errorf("%d glances are still in use", n)
	}
}

// What is loaded already need not be waited for.
func TestNoWaitForWhatIsAhead(t *testing.T) {
	fx, f := glanceFixture(t)
	fx.fetcher.tempo.slow()
	inSequence(t, f, 1, chunkSize)
	if fx.loading(t) == 0 {
		t.Fatal("nothing was read ahead")
	}
	if f.MayWait(chunkSize, 2*chunkSize, false) {
		t.Error("it has been read ahead")
	}
	mustWrite(t, f, numbered(2, 31*chunkSize, chunkSize), 31*chunkSize)
	fx.spillAll(t, f)
	if !f.MayWait(31*chunkSize, chunkSize, false) {
		t.Error("what was read ahead is not that any more")
	}
	mustHold(t, f, numbered(1, chunkSize, 2*chunkSize), chunkSize)
	fx.check(t, f)
}

// A disk becomes quick by many quick reads, and is no more after one that took very long.
func TestTempo(t *testing.T) {
	var d tempo
	d.slow()
	n := 0
	for ; !d.quick(); n++ {
		d.note(glanceQuick / 2)
	}
	if n < 10 || n > 40 {
		t.Errorf("it took %d reads", n)
	}
	d.note(time.Hour)
	if d.quick() {
		t.Error("still quick after an hour")
	}
	for n = 0; !d.quick(); n++ {
		d.note(glanceQuick / 2)
	}
	if n == 0 || n > 40 {
		t.Errorf("it took %d reads after an hour", n)
	}
}

// A buffer that another file used is wiped, and so is what a shorter content leaves of the same file.
func TestWindowLeavesNoStains(t *testing.T) {
	fx := newFixture(t, Options{}, newMarks(0))
	w := &window{buf: bytes.Repeat([]byte{1}, 8*pageSize), stains: 7, stained: 8 * pageSize}
	w.file, w.has = &File{s: fx.Store, id: 7}, []wanted{{extent: extent{stored: pagesIn(0, 4)}}}
	if buf := w.take(); len(buf) != 4*pageSize || bytes.Contains(w.buf[len(buf):], []byte{1}) {
		t.Error("content of the same file is left behind the new one")
	}
	w.file = &File{s: fx.Store, id: 8}
	if w.take(); bytes.Contains(w.buf, []byte{1}) {
		t.Error("content of another file is left")
	}
}
