package tiered

import "unsafe"

// What an entry of the index takes, bytes.
const (
	chunkBytes  = int64(unsafe.Sizeof(chunk{}) + unsafe.Sizeof((*chunk)(nil)))
	extentBytes = int64(unsafe.Sizeof(extent{}))
)
