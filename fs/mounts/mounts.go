// Package mounts is what all who mount something have in common.
package mounts

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Name is the source and the subtype of a vanishfs in a mount table.
const Name = "vanishfs"

// Type is what a vanishfs is in a mount table.
const Type = "fuse." + Name

// Why is what the kernel says of why it refused what a context of fsopen(2) was asked for, or "" where it has said nothing (fs/fsopen.c,
// fscontext_read: one message a read, with its level and a blank in front).
func Why(ctx int) string {
	var said []string
	var buf [512]byte
	for {
		n, err := unix.Read(ctx, buf[:])
		if err != nil || n <= 0 {
			return strings.Join(said, "; ")
		}
		text := string(buf[:n])
		if n > 2 && text[1] == ' ' {
			text = text[2:]
		}
		said = append(said, strings.TrimSpace(text))
	}
}
