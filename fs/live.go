package fs

import (
	"sync/atomic"
	"time"
)

// A Control is who answers for the mount as a whole: it knows all of its options, of which the tree has some.
type Control interface {
	// Options are those that the mount has, by name, for status.
	Options() map[string]string
	// Change makes options hold, "NAME=VALUE,...": all of them or, with an error, none. EBUSY is less than is in
	// use, EOPNOTSUPP what cannot be switched on in this mount.
	Change(list string) error
}

// Live is the options of a tree that can change while it is served; they are those of the same names in Options.
type Live struct {
	FileSize        int64 // cannot be set on the direct plane: what is open there is not asked
	Remove          Removal
	Linger, MaxIdle time.Duration
}

// live is Live for the requests, which read it without a lock.
type live struct {
	fileSize atomic.Int64
	remove   atomic.Uint32
	linger   atomic.Int64
}

// tooLarge reports whether a file may not become as large as size, bytes.
func (l *live) tooLarge(size uint64) bool {
	most := l.fileSize.Load()
	return most > 0 && size > uint64(most)
}

// SetLive changes the options, for what is created, written and closed from now on.
func (f *FS) SetLive(l Live) {
	f.live.fileSize.Store(l.FileSize)
	f.live.remove.Store(uint32(l.Remove))
	f.live.linger.Store(int64(l.Linger))
	f.reaper.setIdle(l.MaxIdle)
}

// Direct reports whether the kernel goes straight to the bytes of regular files. It is constant after Attach.
func (f *FS) Direct() bool { return f.direct }

func (f *FS) linger() time.Duration { return time.Duration(f.live.linger.Load()) }

// removal is the policy r, or what the mount's is now.
func (f *FS) removal(r Removal) Removal {
	if r == removeAsMount {
		return Removal(f.live.remove.Load())
	}
	return r
}
