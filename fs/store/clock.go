package store

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// CoarseNow is the clock that tmpfs stamps with (kernel/time/timekeeping.c,
// ktime_get_coarse_real_ts64), nanoseconds since the epoch: a file written in the tick it
// was made in does not seem to have been written before.
//
// The coarse clock moves on once a tick, by a tick or more, and is never ahead of the fine
// one, which needs no system call. So it is asked again only when a tick may have passed.
func CoarseNow() int64 {
	last, fine := coarse.last.Load(), time.Now().UnixNano()
	if since := fine - last; since >= 0 && since < coarse.fresh {
		return last
	}
	now, err := clockOf(unix.CLOCK_REALTIME_COARSE)
	if err != nil {
		return fine
	}
	coarse.last.Store(now)
	return now
}

var coarse = struct {
	last  atomic.Int64
	fresh int64 // ns that a reading is good for: a tick, less what the clock may be slewed by
}{fresh: tick() - tick()/100}

// tick is the coarse clock's step, ns; 0 if it cannot be told.
func tick() int64 {
	var ts unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_REALTIME_COARSE, &ts); err != nil {
		return 0
	}
	return ts.Nano()
}

func clockOf(id int32) (int64, error) {
	var ts unix.Timespec
	err := unix.ClockGettime(id, &ts)
	return ts.Nano(), err
}
