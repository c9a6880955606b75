package fs

import (
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// told is what a tree said to the kernel.
type told struct {
	what string // "expire", "expire all", "delete", "inode"
	node uint64
	name string
}

// hearingKernel remembers what it was told, and grants passthrough: the id of a
// backing file is a descriptor of it, kept open as a mapping would keep it.
type hearingKernel struct {
	deafKernel
	mu      sync.Mutex
	said    []told // guarded by mu
	backing []int  // guarded by mu
}

func (k *hearingKernel) hear(t told) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.said = append(k.said, t)
	return nil
}

func (k *hearingKernel) heard(t told) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Contains(k.said, t)
}

func (k *hearingKernel) RegisterBacking(fd int) (int32, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.backing = append(k.backing, dup)
	return int32(dup), nil
}

func (k *hearingKernel) ExpireEntry(parent uint64, name string) error {
	return k.hear(told{"expire", parent, name})
}

func (k *hearingKernel) ExpireEntries() error { return k.hear(told{what: "expire all"}) }

func (k *hearingKernel) DeleteEntry(parent, _ uint64, name string) error {
	return k.hear(told{"delete", parent, name})
}

func (k *hearingKernel) InvalInode(node uint64, _, _ int64) error {
	return k.hear(told{"inode", node, ""})
}

// newHeardTree is a tree whose kernel listens.
func newHeardTree(t *testing.T, feat Features, change func(*Options)) (*FS, *hearingKernel) {
	t.Helper()
	k := &hearingKernel{}
	t.Cleanup(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		for _, fd := range k.backing {
			syscall.Close(fd)
		}
	})
	return newTreeFor(t, k, feat, change), k
}

// waitFor waits until cond holds.
func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(10 * time.Second); !cond(); <-poll.C {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
