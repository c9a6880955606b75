package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"
)

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// pageOn shows text on a terminal by the user's pager, as man(1) and git(1)
// do: $MANPAGER, $PAGER, or less where there is one.
func pageOn(terminal *os.File, text string) error {
	pager := cmp.Or(os.Getenv("MANPAGER"), os.Getenv("PAGER"))
	if pager == "" {
		if _, err := exec.LookPath("less"); err != nil {
			_, err := io.WriteString(terminal, text)
			return err
		}
		pager = "less"
	}
	cmd := exec.Command("/bin/sh", "-c", pager)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), terminal, os.Stderr
	// Shows the bold headings, and ends at once where all of it fits on the screen.
	cmd.Env = append(os.Environ(), "LESS="+cmp.Or(os.Getenv("LESS"), "FRX"))
	// Ctrl-C is the pager's while it runs: it ends a search, not the program.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pager %s: %w", pager, err)
	}
	return nil
}
