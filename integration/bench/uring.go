package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// uringSwitch turns FUSE over io_uring on for new mounts (fs/fuse/dev_uring.c, Linux 6.14).
const uringSwitch = "/sys/module/fuse/parameters/enable_uring"

// enableUring turns the switch on, if that is permitted, and returns what puts it back.
func enableUring() (restore func() error, err error) {
	nothing := func() error { return nil }
	old, err := os.ReadFile(uringSwitch)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(os.Stderr, "bench: this kernel has no FUSE over io_uring (Linux 6.14)")
		return nothing, nil
	}
	if err != nil {
		return nothing, err
	}
	if strings.TrimSpace(string(old)) == "Y" {
		return nothing, nil
	}
	if err := os.WriteFile(uringSwitch, []byte("Y"), 0); err != nil {
		fmt.Fprintf(os.Stderr, "bench: FUSE over io_uring stays off: %v\n", err)
		return nothing, nil
	}
	fmt.Fprintf(os.Stderr, "bench: turned on %s for this run\n", uringSwitch)
	return func() error {
		fmt.Fprintf(os.Stderr, "bench: putting %s back to %s\n", uringSwitch, strings.TrimSpace(string(old)))
		return os.WriteFile(uringSwitch, old, 0)
	}, nil
}
