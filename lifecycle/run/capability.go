package run

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// capset is a thread's capabilities, one bit each.
type capset struct {
	effective, permitted, inheritable, bounding uint64
}

func capabilities() (c capset, err error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return c, fmt.Errorf("capget: %w", err)
	}
	join := func(low, high uint32) uint64 { return uint64(high)<<32 | uint64(low) }
	c.effective = join(data[0].Effective, data[1].Effective)
	c.permitted = join(data[0].Permitted, data[1].Permitted)
	c.inheritable = join(data[0].Inheritable, data[1].Inheritable)
	for n := range 64 {
		if on, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0); err != nil {
			break // past the last one that the kernel knows
		} else if on == 1 {
			c.bounding |= 1 << n
		}
	}
	return c, nil
}

// disinherit takes from what the calling thread executes the capabilities that a new
// user namespace gave us. The caller has locked the thread. For an ordinary user, exec
// leaves none but the ambient ones; for uid 0, it gives all within the bounding set,
// which therefore is cut to what there was outside.
func disinherit(bounding uint64) error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	c, err := capabilities()
	if err != nil {
		return err
	}
	for n := range 64 {
		if c.bounding&^bounding&(1<<n) != 0 {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(n), 0, 0, 0); err != nil {
				return fmt.Errorf("drop capability %d from the bounding set: %w", n, err)
			}
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{
		{Effective: uint32(c.effective), Permitted: uint32(c.permitted)},
		{Effective: uint32(c.effective >> 32), Permitted: uint32(c.permitted >> 32)},
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}
