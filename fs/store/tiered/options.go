package tiered

import (
	"fmt"
	"log/slog"
	"syscall"

	"vanishfs/fs/store"
	"vanishfs/quota"
)

// Options is what a tiered store is made of.
type Options struct {
	// Size is the limit of memory and spill together, bytes, whole pages rounded up; 0 is unlimited.
	Size int64
	// Domain, if set, is charged instead of a domain of the store's own; Size does nothing then.
	Domain *quota.Domain
	// Memory is the budget, bytes: see the package's documentation. 0 is disk only.
	Memory int64
	// SpillDir is where the spill file is made.
	SpillDir string
	// Disk, if set, takes the place of a spill file in SpillDir. The store closes it.
	Disk Disk
	// NoSwap says that file data must not reach swap. It is locked in memory anyway, as far as that is permitted;
	// with NoSwap a warning says that it is not.
	NoSwap bool
	// UnlockedKeys goes on where the memory for keys cannot be locked, instead of failing.
	UnlockedKeys bool
	// Clock gives the times of files, nanoseconds since the epoch; nil is the kernel's coarse clock.
	Clock func() int64
	// Logger takes what the store has to say; nil is silence.
	Logger *slog.Logger
}

// memoryMost keeps frame numbers within their type.
const memoryMost = 1 << 43

func (o *Options) validate() error {
	switch {
	case o.Size < 0:
		return fmt.Errorf("tiered store: size of %d bytes: %w", o.Size, syscall.EINVAL)
	case o.Memory < 0 || o.Memory > memoryMost:
		return fmt.Errorf("tiered store: memory of %d bytes: %w", o.Memory, syscall.EINVAL)
	case o.Disk == nil && o.SpillDir == "":
		return fmt.Errorf("tiered store: no spill directory: %w", syscall.EINVAL)
	}
	return nil
}

// derive fills in what was left out.
func (o *Options) derive() {
	if o.Domain == nil {
		o.Domain = quota.New(nil, "tiered store", quota.Limits{Bytes: o.Size})
	}
	if o.Clock == nil {
		o.Clock = store.CoarseNow
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}
