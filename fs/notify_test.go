package fs

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// A heldKernel takes the first name when it is let go: until then somebody holds the directory.
type heldKernel struct {
	deafKernel
	asked chan string
	let   chan struct{}
}

func (k *heldKernel) DeleteEntry(_, _ uint64, name string) error {
	k.asked <- name
	<-k.let
	return nil
}

// TestNoticesOfHeldDirectory: while the kernel takes no notice, removals wait for nothing and what is remembered of them
// is bounded; of the rest the log has one line. Then the kernel is told again.
func TestNoticesOfHeldDirectory(t *testing.T) {
	var said bytes.Buffer
	var q notifier
	k := &heldKernel{asked: make(chan string), let: make(chan struct{})}
	q.start(k, slog.New(slog.NewTextHandler(&said, nil)))
	send := func(name string) { q.send(notice{parent: 1, child: 2, name: name, cached: true}) }
	send("first")
	<-k.asked // the notifier waits from now on
	for i := range 3 * mostNotices {
		send(fmt.Sprint(i))
	}
	q.mu.Lock()
	names, line := len(q.queue.names), said.String()
	q.mu.Unlock()
	if names != mostNotices || strings.Count(line, "\n") != 1 || !strings.Contains(line, "somebody holds a directory") {
		t.Errorf("%d names are remembered, want %d; the log has %q", names, mostNotices, line)
	}
	close(k.let)
	for i := range mostNotices {
		if name := <-k.asked; name != fmt.Sprint(i) {
			t.Fatalf("told of %s, want %d", name, i)
		}
	}
	send("last")
	if name := <-k.asked; name != "last" {
		t.Errorf("told of %s, want the last", name)
	}
	q.stop()
}
