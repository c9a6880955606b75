package fs

import (
	"math"
	"testing"
)

const anyAge = math.MaxInt64 // everything was changed before

// What is mounted apart is not removed like a directory in it.
func TestAgeSparesTops(t *testing.T) {
	f := newTree(t, func(o *Options) { o.Trees = 2 })
	f.removeIdle(anyAge)
	for _, name := range []string{"0", "1"} {
		if root(f).lookup(1, name) == 0 {
			t.Errorf("%s is gone", name)
		}
	}
	checkTree(t, f, 0)
}
