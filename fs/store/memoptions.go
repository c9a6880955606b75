package store

import (
	"fmt"
	"log/slog"
	"os"
	"syscall"
)

// MemoryOptions is what a memory store is made of.
type MemoryOptions struct {
	// Size is the limit, bytes, rounded up to whole pages as tmpfs does; 0 is unlimited.
	Size int64
	// Huge is tmpfs's huge=: "never", "advise", "within_size", "always"; "auto" (or empty) is advise. The
	// limit is exact with any, and with never and advise so is what is charged: the pages written, and 2 MiB
	// only for a mapping past us that asked for huge pages (MADV_HUGEPAGE). The others are faster to write,
	// to map and to free, and charge more: within_size up to 2 MiB for a write into a hole of a larger
	// file, always up to 2 MiB for the first byte (mm/shmem.c, shmem_get_orders_within_size).
	Huge string
	// NoSwap asks that the bytes never reach swap. Missing support or permission is logged once.
	NoSwap bool
	// UID and GID own the root directory of the tmpfs; 0 leaves that to who makes it.
	UID, GID int
	// Dir is the root of a ready-made tmpfs (a descriptor from fsmount) to use instead of making
	// one; its limit holds, and Size, Huge, NoSwap, UID and GID do nothing. The caller keeps it and may close it.
	Dir *os.File
	// Logger takes what the store has to say; nil is silence.
	Logger *slog.Logger
}

// tmpfs checks the options and derives those of the tmpfs.
func (o MemoryOptions) tmpfs() (tmpfsOptions, error) {
	huge := o.Huge
	switch huge {
	case "", "auto":
		huge = "advise"
	case "never", "advise", "within_size", "always":
	default:
		return tmpfsOptions{}, fmt.Errorf("memory store: huge pages %q: want auto, never, advise, within_size or always: %w", huge, syscall.EINVAL)
	}
	if err := checkSize(o.Size); err != nil {
		return tmpfsOptions{}, err
	}
	return tmpfsOptions{Size: o.Size, Huge: huge, NoSwap: o.NoSwap, UID: o.UID, GID: o.GID}, nil
}

func (o MemoryOptions) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}
