package store

import "math"

// A Time is a moment as an inode of tmpfs has it (include/linux/fs.h, struct inode: a time64_t and
// nanoseconds): seconds since the epoch, negative before it, and nanoseconds below a second. There are two
// for each file that exists, so it takes 12 bytes. Times are compared with ==.
type Time struct {
	low  uint32 // of the seconds
	high int32
	nsec uint32
}

const (
	second   = 1_000_000_000 // ns
	omitNsec = 1<<30 - 2     // UTIME_OMIT (include/linux/stat.h)
)

// Omit as a time given to File.SetTimes leaves that time as it is.
var Omit = Time{nsec: omitNsec}

// TimeOf is the inverse of Time.Unix. Nanoseconds beyond a second are cut, as by the kernel
// (fs/fuse/inode.c, fuse_change_attributes_common).
func TimeOf(sec int64, nsec uint32) Time {
	return Time{uint32(sec), int32(sec >> 32), min(nsec, second-1)}
}

// Nanos is the time of that many nanoseconds since the epoch, as clocks give them.
func Nanos(ns int64) Time {
	sec, nsec := ns/second, ns%second
	if nsec < 0 {
		sec, nsec = sec-1, nsec+second
	}
	return TimeOf(sec, uint32(nsec))
}

// Unix is seconds since the epoch and nanoseconds.
func (t Time) Unix() (sec int64, nsec uint32) {
	return int64(t.high)<<32 | int64(t.low), t.nsec
}

// Nanos is nanoseconds since the epoch, or as many as an int64 can say (the years 1677 to 2262).
func (t Time) Nanos() int64 {
	sec, nsec := t.Unix()
	switch {
	case sec > math.MaxInt64/second-1:
		return math.MaxInt64
	case sec < math.MinInt64/second+1:
		return math.MinInt64
	}
	return sec*second + int64(nsec)
}

// After reports whether t is later than u.
func (t Time) After(u Time) bool {
	a, an := t.Unix()
	b, bn := u.Unix()
	return a > b || a == b && an > bn
}
