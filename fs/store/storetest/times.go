package storetest

import (
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/fs/store"
)

// old is n nanoseconds after a moment of 2001 that has some.
func old(n int64) store.Time { return store.Nanos(1_000_000_007_000_000_009 + n) }

// now is the clock of filesystems, which moves by ticks.
func now(t testing.TB) int64 {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &ts); err != nil {
		t.Fatal(err)
	}
	return ts.Nano()
}

// nextTick makes sure that a later time stamp differs from all earlier ones, and returns a time between.
func nextTick(t testing.TB) int64 {
	t.Helper()
	from := now(t)
	wait(t, "the clock", func() bool { return now(t) > from })
	return now(t)
}

// wantNow checks that a time is not before from and not after the present.
func wantNow(t testing.TB, what string, got store.Time, from int64) {
	t.Helper()
	if ns, to := got.Nanos(), time.Now().UnixNano(); ns < from || ns > to {
		t.Errorf("%s: %d, want it from %d to %d", what, ns, from, to)
	}
}

func wantTime(t testing.TB, what string, got, want store.Time) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// testTimesOfNew: a file is born when it is asked for, also when what holds its bytes was made long before.
func testTimesOfNew(t *testing.T, newStore Maker) {
	s := limited(t, newStore, 1<<20)
	for i := range 20 { // enough to see files made ahead and used again
		from := nextTick(t)
		f := newFile(t, s)
		a := attr(t, f)
		wantNow(t, "mtime of a new file", a.Mtime, from)
		if a.Atime != a.Mtime || a.Ctime != a.Mtime {
			t.Fatalf("times of a new file differ: %+v", a)
		}
		nextTick(t)
		if i%2 == 0 {
			f.Close()
			wantSame(t, "after Close", attr(t, f), a)
			open(t, f)
			f.Backing()
			wantSame(t, "after reopening", attr(t, f), a)
		}
		from = nextTick(t)
		write(t, f, "x", 0)
		b := attr(t, f)
		wantNow(t, "mtime after the first write", b.Mtime, from)
		wantNow(t, "ctime after the first write", b.Ctime, from)
		wantTime(t, "atime after the first write", b.Atime, a.Atime)
		f.Close()
		wantSame(t, "after the last Close", attr(t, f), b)
		f.Free()
	}
}

func wantSame(t testing.TB, what string, got, want store.Attr) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %+v, want %+v", what, got, want)
	}
}

// testTimesOfUse: what moves which time.
func testTimesOfUse(t *testing.T, newStore Maker) {
	s := limited(t, newStore, 1<<20)
	f := newFile(t, s)
	write(t, f, "some", 0)
	a := attr(t, f)

	from := nextTick(t)
	if _, err := f.ReadAt(make([]byte, 4), 0); err != nil {
		t.Fatal(err)
	}
	b := attr(t, f)
	wantNow(t, "atime after the first read of new data", b.Atime, from)
	wantTime(t, "mtime after a read", b.Mtime, a.Mtime)
	wantTime(t, "ctime after a read", b.Ctime, a.Ctime)

	from = nextTick(t)
	write(t, f, "more", 4)
	c := attr(t, f)
	wantNow(t, "mtime after a write", c.Mtime, from)

	nextTick(t)
	p := make([]byte, 9)
	if n, err := f.ReadUnseen(p, 0); err != nil || string(p[:n]) != "somemore" {
		t.Fatalf("ReadUnseen: %q, %v", p[:n], err)
	}
	wantSame(t, "after ReadUnseen", attr(t, f), c)

	from = nextTick(t)
	f.Close()
	open(t, f)
	if c := attr(t, f); c.Mtime.Nanos() >= from || c.Ctime.Nanos() >= from {
		t.Errorf("reopening moved times: %+v", c)
	}
}

// testTimesSet: set times stay until something moves them, and then they move to the present.
func testTimesSet(t *testing.T, newStore Maker) {
	s := limited(t, newStore, 1<<20)
	f := newFile(t, s)
	write(t, f, "some", 0)
	nextTick(t)
	from := now(t)
	setTimes(t, f, old(0), old(1))
	a := attr(t, f)
	wantTime(t, "atime", a.Atime, old(0))
	wantTime(t, "mtime", a.Mtime, old(1))
	wantNow(t, "ctime", a.Ctime, from)

	setTimes(t, f, store.Omit, old(2))
	setTimes(t, f, store.Omit, store.Omit)
	wantTime(t, "atime left out", attr(t, f).Atime, old(0))
	wantTime(t, "mtime set alone", attr(t, f).Mtime, old(2))
	setTimes(t, f, old(3), store.Omit)
	wantTime(t, "atime set alone", attr(t, f).Atime, old(3))

	if _, err := f.ReadAt(make([]byte, 4), 0); err != nil {
		t.Fatal(err)
	}
	f.Close()
	open(t, f)
	wantTime(t, "mtime after reads only", attr(t, f).Mtime, old(2))

	from = nextTick(t)
	write(t, f, "x", 0)
	wantNow(t, "mtime after a write", attr(t, f).Mtime, from)
	f.Close()
	wantNow(t, "mtime after a write, closed", attr(t, f).Mtime, from)

	future := store.Nanos(time.Now().Add(time.Hour).UnixNano())
	open(t, f)
	setTimes(t, f, store.Omit, future)
	wantTime(t, "mtime in the future", attr(t, f).Mtime, future)
	write(t, f, "x", 0)
	wantNow(t, "mtime after a write in its past", attr(t, f).Mtime, from)
}

// testTimesSetClosed: the same, of a file that nobody has open.
func testTimesSetClosed(t *testing.T, newStore Maker) {
	s := limited(t, newStore, 1<<20)
	f := newFile(t, s)
	write(t, f, "some", 0)
	f.Close()
	from := nextTick(t)
	setTimes(t, f, old(0), old(1))
	a := attr(t, f)
	wantTime(t, "atime", a.Atime, old(0))
	wantTime(t, "mtime", a.Mtime, old(1))
	wantNow(t, "ctime", a.Ctime, from)
	setTimes(t, f, store.Omit, old(2))
	a = attr(t, f)
	wantTime(t, "atime left out", a.Atime, old(0))

	nextTick(t)
	open(t, f)
	wantSame(t, "after opening", attr(t, f), a)
	if _, err := f.Seek(0, unix.SEEK_DATA); err != nil {
		t.Fatal(err)
	}
	f.Close()
	open(t, f)
	wantSame(t, "after opening again", attr(t, f), a)
	from = nextTick(t)
	write(t, f, "x", 0)
	b := attr(t, f)
	wantNow(t, "mtime after a write", b.Mtime, from)
	wantNow(t, "ctime after a write", b.Ctime, from)
	wantTime(t, "atime after a write", b.Atime, old(0))
}

func setTimes(t testing.TB, f store.File, atime, mtime store.Time) {
	t.Helper()
	if err := f.SetTimes(atime, mtime); err != nil {
		t.Fatal(err)
	}
}

// testTimesFar: seconds take 64 bits, as in an inode of tmpfs, in a file that is open and in one that is not.
func testTimesFar(t *testing.T, newStore Maker) {
	s := limited(t, newStore, 1<<20)
	f := newFile(t, s)
	write(t, f, "some", 0)
	for _, sec := range FarSeconds {
		for _, nsec := range []uint32{0, 999_999_999} {
			far := store.TimeOf(sec, nsec)
			setTimes(t, f, far, store.Omit)
			setTimes(t, f, store.Omit, far)
			wantTime(t, "atime of an open file", attr(t, f).Atime, far)
			wantTime(t, "mtime of an open file", attr(t, f).Mtime, far)
			f.Close()
			wantTime(t, "mtime of a closed file", attr(t, f).Mtime, far)
			setTimes(t, f, old(0), old(1))
			setTimes(t, f, far, far)
			a := attr(t, f)
			open(t, f)
			wantSame(t, "after opening", attr(t, f), a)
		}
	}
	from := nextTick(t)
	write(t, f, "x", 0)
	wantNow(t, "mtime after a write", attr(t, f).Mtime, from)
	setTimes(t, f, store.TimeOf(math.MinInt64, 0), store.Omit)
	if _, err := f.ReadAt(make([]byte, 1), 0); err != nil {
		t.Fatal(err)
	}
	wantNow(t, "atime after a read", attr(t, f).Atime, from)
}

// FarSeconds are seconds since the epoch that something narrower than 64 bits could not hold.
var FarSeconds = []int64{
	math.MinInt64, math.MinInt64 + 1, math.MinInt64 / 1_000_000_000, -9223372037, -9223372036, -1 << 32, -1<<31 - 1, -1,
	0, 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 9223372036, 9223372037, 17_179_869_183, math.MaxInt64 / 1_000_000_000,
	math.MaxInt64 - 1, math.MaxInt64,
}
