package fs

import (
	"sync/atomic"
	"time"

	"vanishfs/fs/store"
)

// clock gives the times that the tree itself sets, nanoseconds since the epoch.
//
// Times of regular files come from the kernel's coarse clock (tmpfs,
// inode_set_ctime_current), which since Linux 6.13 may answer finer once a time
// was looked at. Ours is the same coarse clock, never behind a time already
// shown, so that make(1) never sees two changes in the wrong order.
type clock struct {
	floor atomic.Int64
}

func (c *clock) now() int64 {
	return max(store.CoarseNow(), c.floor.Load())
}

// shown records a time that the kernel set and a caller is about to see.
// Times ahead of the clock were set by hand and do not count.
func (c *clock) shown(ns int64) {
	for {
		floor := c.floor.Load()
		if ns <= floor || ns > time.Now().UnixNano() {
			return
		}
		if c.floor.CompareAndSwap(floor, ns) {
			return
		}
	}
}
