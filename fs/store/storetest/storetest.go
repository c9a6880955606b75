// Package storetest holds what every store.Store must pass, and a store.Backer
// that stands in for the kernel.
package storetest

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"vanishfs/fs/store"
)

// A Maker makes an empty store for a test, which closes it. Its limit is set by Resize.
type Maker func(t testing.TB) store.Store

// Run runs the whole suite.
func Run(t *testing.T, newStore Maker) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Maker)
	}{
		{"Random", testRandom},
		{"QuotaParallel", testQuotaParallel},
		{"QuotaChurn", testQuotaChurn},
		{"Resize", testResize},
		{"Unlimited", testUnlimited},
		{"TimesOfNew", testTimesOfNew},
		{"TimesOfUse", testTimesOfUse},
		{"TimesSet", testTimesSet},
		{"TimesSetClosed", testTimesSetClosed},
		{"TimesFar", testTimesFar},

		{"Refusals", testRefusals},
		{"Descriptors", testDescriptors},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newStore) })
	}
}

// limited makes a store with that limit, closed at the end of the test.
func limited(t testing.TB, newStore Maker, size int64) store.Store {
	t.Helper()
	s := newStore(t)
	t.Cleanup(func() { s.Close() })
	if err := s.Resize(size); err != nil {
		t.Fatal(err)
	}
	return s
}

func newFile(t testing.TB, s store.Store) store.File {
	t.Helper()
	f, err := s.New()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t testing.TB, f store.File) {
	t.Helper()
	if err := f.Open(); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, f store.File, data string, off int64) {
	t.Helper()
	if n, err := f.WriteAt([]byte(data), off); n != len(data) || err != nil {
		t.Fatalf("WriteAt of %d bytes at %d: %d, %v", len(data), off, n, err)
	}
}

func attr(t testing.TB, f store.File) store.Attr {
	t.Helper()
	a, err := f.Attr()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func used(t testing.TB, s store.Store) int64 {
	t.Helper()
	u, err := s.Usage()
	if err != nil {
		t.Fatal(err)
	}
	return u.Used
}

// wantErrno checks for an errno, wrapped or not.
func wantErrno(t testing.TB, what string, got error, want syscall.Errno) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// wait returns when cond holds.
func wait(t testing.TB, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// Descriptors is the number of open descriptors of this process.
func Descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// testDescriptors: a store leaves no descriptor behind, whatever state its files are in.
func testDescriptors(t *testing.T, newStore Maker) {
	newStore(t).Close() // whatever the runtime opens once is open now
	before := Descriptors(t)
	s := newStore(t)
	for i := range 300 {
		f := newFile(t, s)
		write(t, f, "x", 0)
		if i%3 > 0 {
			f.Close()
		}
		if i%3 > 1 {
			f.Free()
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal("Close twice:", err)
	}
	if after := Descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after Close", before, after)
	}
}
