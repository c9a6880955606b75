package store_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"vanishfs/fs/process"
	"vanishfs/fs/store"
	"vanishfs/fs/store/storetest"
)

func TestMain(m *testing.M) {
	process.Become()
	os.Exit(m.Run())
}

// A failing logger makes every error that a store logs fail the test.
type failing struct {
	slog.Handler
	t testing.TB
}

func (f failing) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

func (f failing) Handle(_ context.Context, r slog.Record) error {
	f.t.Errorf("logged: %s", r.Message)
	r.Attrs(func(a slog.Attr) bool { f.t.Log(a); return true })
	return nil
}

func newMemory(t testing.TB, o store.MemoryOptions) *store.Memory {
	t.Helper()
	o.Logger = slog.New(failing{slog.DiscardHandler, t})
	s, err := store.NewMemory(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func conformance(t *testing.T) {
	t.Run("Mediated", func(t *testing.T) {
		storetest.Run(t, func(t testing.TB) store.Store {
			return newMemory(t, store.MemoryOptions{Size: 1 << 20, NoSwap: true})
		})
	})
	t.Run("FewDescriptors", func(t *testing.T) {
		storetest.Run(t, func(t testing.TB) store.Store {
			s := newMemory(t, store.MemoryOptions{Size: 1 << 20})
			s.SetBudget(3)
			return s
		})
	})
	t.Run("Backed", func(t *testing.T) {
		storetest.Run(t, func(t testing.TB) store.Store {
			s := newMemory(t, store.MemoryOptions{Size: 1 << 20})
			s.UseBacker(&storetest.Backer{})
			return s
		})
	})
}

// asOther tells the test binary that it was started again as somebody else.
const asOther = "VANISHFS_TEST_AS"

// TestMemory runs the conformance suite as who runs the tests, inside a user namespace and,
// if that was root, as an ordinary user.
func TestMemory(t *testing.T) {
	if os.Getenv(asOther) != "" {
		conformance(t)
		return
	}
	t.Run("Self", conformance)
	t.Run("UserNamespace", func(t *testing.T) {
		rerun(t, &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		})
	})
	if os.Getuid() == 0 {
		t.Run("OrdinaryUser", func(t *testing.T) {
			rerun(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}})
		})
	}
}

// rerun runs this test in a process of its own. The binary may be in a directory that
// the other user cannot reach: /proc/self/exe needs none.
func rerun(t *testing.T, as *syscall.SysProcAttr) {
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestMemory$", "-test.v")
	cmd.Env = append(os.Environ(), asOther+"=yes")
	cmd.Dir = "/"
	cmd.SysProcAttr = as
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
