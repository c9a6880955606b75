package store

import (
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestErrno(t *testing.T) {
	s := &Memory{log: slog.New(slog.DiscardHandler)}
	for in, want := range map[error]error{
		nil:                 nil,
		unix.ENOSPC:         unix.ENOSPC,
		unix.EFBIG:          unix.EFBIG,
		unix.EINVAL:         unix.EINVAL,
		unix.ENXIO:          unix.ENXIO,
		unix.EOPNOTSUPP:     unix.EOPNOTSUPP,
		unix.ENOMEM:         unix.ENOSPC,
		unix.EMFILE:         unix.ENFILE,
		unix.ENFILE:         unix.ENFILE,
		unix.EBADF:          unix.EIO,
		errors.New("other"): unix.EIO,
	} {
		if got := s.errno("test", in); got != want {
			t.Errorf("%v: %v, want %v", in, got, want)
		}
	}
}

// TestChildRefused: what the child process cannot do is said here.
func TestChildRefused(t *testing.T) {
	_, err := makeTmpfsInChild(tmpfsOptions{Size: -5, Huge: "never"})
	if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "size=-5") {
		t.Errorf("%v, want the refused option and EINVAL", err)
	}
}

// TestLastSpare: a right to resize that was lost to a race never costs the ability to grow.
func TestLastSpare(t *testing.T) {
	made, err := makeTmpfsInChild(tmpfsOptions{Size: 1 << 20, Huge: "never"})
	if err != nil {
		t.Fatal(err)
	}
	if len(made.contexts) != spareContexts {
		t.Fatalf("%d spare contexts", len(made.contexts))
	}
	tm := &tmpfs{root: made.root, spares: made.contexts}
	defer tm.close()
	for len(tm.spares) > 1 {
		last := len(tm.spares) - 1
		closeFD(tm.spares[last])
		tm.spares = tm.spares[:last]
	}
	if err := tm.resize(1 << 19); !errors.Is(err, syscall.EPERM) {
		t.Errorf("shrink with the last one: %v, want EPERM", err)
	}
	for _, size := range []int64{2 << 20, 2 << 20, 3 << 20, 0} {
		if err := tm.resize(size); err != nil {
			t.Errorf("grow to %d with the last one: %v", size, err)
		}
		if u, err := tm.usage(); err != nil || u.Size != size {
			t.Errorf("usage %+v, %v", u, err)
		}
	}
}
