package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"vanishfs/fs/transport"
)

// enableUring turns the switch on, if that is permitted, and returns what puts it back.
func enableUring() (restore func() error, err error) {
	nothing := func() error { return nil }
	old, err := os.ReadFile(transport.EnableUring)
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
	if err := os.WriteFile(transport.EnableUring, []byte("Y"), 0); err != nil {
		fmt.Fprintf(os.Stderr, "bench: FUSE over io_uring stays off: %v\n", err)
		return nothing, nil
	}
	fmt.Fprintf(os.Stderr, "bench: turned on %s for this run\n", transport.EnableUring)
	return func() error {
		fmt.Fprintf(os.Stderr, "bench: putting %s back to %s\n", transport.EnableUring, strings.TrimSpace(string(old)))
		return os.WriteFile(transport.EnableUring, old, 0)
	}, nil
}
