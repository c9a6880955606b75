package promises

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestMountsInsideStay: what somebody has mounted inside is still mounted after the filesystem has removed
// something by itself.
func TestMountsInsideStay(t *testing.T) {
	if !harness.Root() {
		t.Log("not root: nothing can be mounted inside")
		return
	}
	for name, c := range map[string]struct{ flag, script string }{
		"order":   {"--session=mount", `cd "$D"; : > f; "$VANISHFS" once f; exec 3< f; exec 3<&-`},
		"age":     {"--max-idle=300ms", `cd "$D"; : > f`},
		"session": {"--session=process", `cd "$D"; : > f; ls -l`},
	} {
		t.Run(name, func(t *testing.T) {
			m := harness.Start(t, harness.Current(), c.flag)
			dir, inside := m.Dir+"/d", m.Dir+"/d/inside"
			if err := errors.Join(
				unix.Mkdir(dir, 0o700), unix.Setxattr(dir, "user.vanish.remove", []byte("keep"), 0),
				unix.Mount("vanishfs-inside", dir, "tmpfs", 0, ""),
			); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
			if err := os.WriteFile(inside, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			m.Sh(t, c.script)
			gone := func() bool { return errors.Is(unix.Access(m.Dir+"/f", unix.F_OK), unix.ENOENT) }
			harness.Eventually(t, "f is removed", gone, func() string { return "it is there" })
			if _, err := os.Stat(inside); err != nil {
				t.Error(err)
			}
		})
	}
}
