package tiered

import (
	"sync"
	"syscall"

	"vanishfs/fs/store"
)

// copyBuffers are of chunkSize.
var copyBuffers = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// CopyTo implements store.File. Holes are written as zeros, as the kernel does on tmpfs.
func (f *File) CopyTo(dst store.File, off, dstOff, n int64) (done int64, err error) {
	to, ok := dst.(*File)
	if !ok || to.s != f.s || off < 0 || dstOff < 0 || n < 0 {
		return 0, syscall.EINVAL
	}
	if to == f && off-dstOff < n && dstOff-off < n {
		return 0, syscall.EINVAL
	}
	f.mu.RLock()
	n = min(n, max(f.size-off, 0)) // a copy within the file does not see what it adds
	f.mu.RUnlock()
	buf := copyBuffers.Get().(*[chunkSize]byte)
	defer func() {
		clear(buf[:])
		copyBuffers.Put(buf)
	}()
	for done < n {
		part, err := f.ReadAt(buf[:min(n-done, chunkSize)], off+done)
		if err == nil && part > 0 {
			var put int
			put, err = to.WriteAt(buf[:part], dstOff+done)
			done += int64(put)
			if put == part {
				continue
			}
		}
		if done > 0 {
			err = nil
		}
		return done, err
	}
	return done, nil
}
