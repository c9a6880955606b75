package tiered

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// queueOf is a queue of a spill file with n numbered pages.
func queueOf(t *testing.T, n int) (*spillFile, queue) {
	t.Helper()
	d, err := openSpillFile(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if !d.direct {
		t.Skip("no direct I/O in the directory for temporary files")
	}
	b := aligned(t, n)
	copy(b, numbered(1, 0, n*pageSize))
	if _, err := d.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	q, err := d.newQueue(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.close)
	return d, q
}

func aligned(t *testing.T, n int) []byte {
	t.Helper()
	a, err := newArena(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	return a.run(0, n)
}

// Many reads at once give what is there, in whatever order the disk answers; each has an error of its own.
func TestQueueReadsAtOnce(t *testing.T) {
	const n = 64
	_, q := queueOf(t, n)
	b := aligned(t, n)
	for range 20 {
		clear(b)
		var reads []read
		for i := range int64(n - 1) {
			reads = append(reads, read{buf: b[i*pageSize:][:pageSize], off: i * 37 % (n - 1) * pageSize})
		}
		reads = append(reads, read{buf: b[(n-1)*pageSize:], off: (n + 10) * pageSize})
		q.read(reads)
		for _, r := range reads[:n-1] {
			if r.err != nil || !bytes.Equal(r.buf, numbered(1, r.off, pageSize)) {
				t.Fatalf("page at %d: wrong, or %v", r.off, r.err)
			}
		}
		if err := reads[n-1].err; err != io.EOF {
			t.Fatalf("behind the end: %v", err)
		}
	}
}

// A read that is tried is there in time, or once it is finished.
func TestQueueTries(t *testing.T) {
	_, q := queueOf(t, 8)
	b := aligned(t, 2)
	for i, limit := range []time.Duration{time.Minute, 1, time.Minute, 1, 1} {
		r := read{buf: b, off: int64(i) * pageSize}
		clear(b)
		if !q.try(&r, limit) {
			q.finish()
		} else if r.err != nil {
			t.Fatal(r.err)
		}
		if !bytes.Equal(b, numbered(1, r.off, 2*pageSize)) {
			t.Errorf("pages at %d are wrong", r.off)
		}
	}
	behind := read{buf: b, off: 100 * pageSize}
	if !q.try(&behind, time.Minute) || behind.err == nil {
		t.Errorf("behind the end: %v", behind.err)
	}
}

// A queue that cannot tell what became of its reads is a broken invariant, not something to try for ever.
func TestQueueThatIsGone(t *testing.T) {
	_, q := queueOf(t, 1)
	a := q.(*aioQueue)
	context := a.context
	defer func() {
		a.context = context
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "io_getevents") {
			t.Errorf("recovered %v", r)
		}
	}()
	a.context = 0
	q.finish()
}
