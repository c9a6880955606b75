package fs

import (
	"fmt"
	"maps"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// TestShrunk: what is left of a map is what was in it.
func TestShrunk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.MapOfN(rapid.Int(), rapid.Int(), 0, 300).Draw(t, "map")
		peak := len(m) + rapid.IntRange(0, 3000).Draw(t, "more")
		want := maps.Clone(m)
		got, p := shrunk(m, peak)
		if !maps.Equal(got, want) || p < len(m) || p > peak {
			t.Fatalf("%d of %d became %d of %d", len(want), peak, len(got), p)
		}
	})
}

// TestDirectoryShrinks: a directory that had many entries takes no more memory than one that never had.
func TestDirectoryShrinks(t *testing.T) {
	const most = 50_000
	before := heap()
	d := newDirectory(nil)
	fill := func() (all []*dentry) {
		d.mu.Lock()
		defer d.mu.Unlock()
		for i := range most {
			all = append(all, d.insertLocked(nil, fmt.Sprint(i), nil))
		}
		return all
	}
	all := fill()
	d.mu.Lock()
	for _, e := range all[1:] {
		d.removeLocked(e)
	}
	d.mu.Unlock()
	all = nil
	if grown := heap() - before; grown > 64<<10 {
		t.Errorf("a directory of one entry takes %d bytes", grown)
	}
	runtime.KeepAlive(d)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
