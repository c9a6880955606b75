package run

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestHasAlready(t *testing.T) {
	for _, c := range []struct {
		s                         unix.Signal
		foreground, started, want bool
	}{
		{unix.SIGINT, true, true, true},
		{unix.SIGINT, false, true, false},
		{unix.SIGINT, true, false, false}, // ^C while the session is being built
		{unix.SIGQUIT, true, false, false},
		{unix.SIGWINCH, true, false, true},
		{unix.SIGTERM, true, true, false},
	} {
		if got := hasAlready(c.s, c.foreground, c.started); got != c.want {
			t.Errorf("hasAlready(%v, %v, %v) = %v", c.s, c.foreground, c.started, got)
		}
	}
}
