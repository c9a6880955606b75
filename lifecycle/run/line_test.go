package run

import (
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLine(t *testing.T) {
	a, b, err := newLine()
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, m := range []message{
		{kind: msgReady, fd: -1},
		{kind: msgFailed, number: 125, text: "what is wrong", fd: -1},
		{kind: msgFailed, number: 1, text: strings.Repeat("x", 2*maxText), fd: -1},
		{kind: msgMount, fd: int(null.Fd())},
	} {
		if err := a.send(m); err != nil {
			t.Fatal(err)
		}
		got, err := b.receive()
		if err != nil {
			t.Fatal(err)
		}
		if got.kind != m.kind || got.number != m.number || got.text != m.text[:min(len(m.text), maxText)] || (got.fd < 0) != (m.fd < 0) {
			t.Errorf("sent %.40v, received %.40v", m, got)
		}
		if got.fd >= 0 {
			if flags, err := unix.FcntlInt(uintptr(got.fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("the descriptor would be inherited: %v, %v", flags, err)
			}
			unix.Close(got.fd)
		}
	}
	a.close()
	if _, err := b.receive(); err != io.EOF {
		t.Errorf("after the other end is closed: %v, want EOF", err)
	}
	if err := b.send(message{kind: msgReady}); err == nil {
		t.Error("a message to nobody was sent")
	}
}

// The last word of who died is heard, also where he had not listened any more: it is an exit code.
func TestLineLastWord(t *testing.T) {
	a, b, err := newLine()
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	for _, m := range []struct {
		from line
		message
	}{{b, message{kind: msgSignal, number: 15}}, {a, message{kind: msgCommandEnd, number: 7 << 8}}} {
		if err := m.from.send(m.message); err != nil {
			t.Fatal(err)
		}
	}
	a.close()
	if m, err := b.receive(); err != nil || m.kind != msgCommandEnd || m.number != 7<<8 {
		t.Errorf("received %v, %v", m, err)
	}
	if _, err := b.receive(); err != io.EOF {
		t.Errorf("then: %v, want EOF", err)
	}
}
