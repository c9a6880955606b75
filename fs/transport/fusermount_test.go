package transport

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/fs/mounts"
)

// TestFusermount goes through the helper, as root, which it serves too.
func TestFusermount(t *testing.T) {
	needRoot(t)
	if _, err := fusermountPath(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	dev, err := Fusermount(dir, MountOptions{Source: "with,comma", NoExec: true})
	must(t, err)
	fsys := newMemFS()
	fsys.put("file", "text")
	s, err := NewServer(dev, fsys, Options{})
	must(t, err)
	must(t, s.Handshake())
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	refusePoll(t, dir)
	if got, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(got) != "text" {
		t.Errorf("read %q, %v", got, err)
	}
	if info := infoOf(t, dir); info.FSType != mounts.Type || info.Source != "with,comma" || !strings.Contains(info.Options, "noexec") {
		t.Errorf("mounted as %+v", info)
	}
	f, err := os.Open(filepath.Join(dir, "file"))
	must(t, err)
	if err := fusermountUnmount(dir, false); !errors.Is(err, unix.EBUSY) || errors.Is(err, ErrRefused) {
		t.Errorf("unmount while a file is open: %v, want EBUSY", err)
	}
	must(t, f.Close())
	must(t, fusermountUnmount(dir, false))
	must(t, <-done)

	_, err = Fusermount(filepath.Join(dir, "none"), MountOptions{})
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "none") {
		t.Errorf("mount on a missing directory: %v", err)
	}
}

func TestFusermountMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	// The usual places are tried as well, so this only shows the error's shape
	// where the helper is really missing.
	if _, err := fusermountPath(); err != nil && err != ErrNoFusermount {
		t.Error(err)
	}
}
