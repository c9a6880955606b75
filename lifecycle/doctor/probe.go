package doctor

import (
	"cmp"
	"log/slog"
	"os"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"vanishfs/fs/mounts"
	"vanishfs/fs/transport"
)

// findings are what can only be found out by mounting, in one set of
// namespaces. A text is why not; empty is success.
type findings struct {
	Mount       string // a FUSE filesystem
	Minor       uint32 // of the kernel's FUSE protocol
	Passthrough string
	Tmpfs       string // a tmpfs with a size
	Huge        string
	NoSwap      string
}

// probe mounts where no path leads to and lets go of it again.
func probe() findings {
	var f findings
	if err := f.mountFuse(); err != nil {
		f.Mount = err.Error()
	}
	f.Tmpfs = tryTmpfs(func(ctx int) error { return unix.FsconfigSetString(ctx, "size", "1m") })
	f.Huge = tryTmpfs(func(ctx int) error { return unix.FsconfigSetString(ctx, "huge", "within_size") })
	f.NoSwap = tryTmpfs(func(ctx int) error { return unix.FsconfigSetFlag(ctx, "noswap") })
	return f
}

// mountFuse goes as far as the kernel's greeting, which is where passthrough shows.
func (f *findings) mountFuse() error {
	f.Passthrough = "nothing can be mounted"
	dev, err := transport.OpenDevice()
	if err != nil {
		return err
	}
	defer dev.Close()
	mnt, err := transport.MountDetached(dev, transport.MountOptions{UID: os.Getuid(), GID: os.Getgid()})
	if err != nil {
		return err
	}
	defer mnt.Close()
	server, err := transport.NewServer(dev, fuse.NewDefaultRawFileSystem(), transport.Options{
		Transport: "dev", Passthrough: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer server.Abort()
	if err := server.Handshake(); err != nil {
		return err
	}
	f.Passthrough = ""
	features := server.Features()
	f.Minor = features.Minor
	if !features.Passthrough {
		why := strings.TrimPrefix(strings.Join(features.Reasons, "; "), "passthrough is off: ")
		f.Passthrough = cmp.Or(why, "not granted")
	}
	return nil
}

// tryTmpfs makes a tmpfs, attached nowhere, with one option.
func tryTmpfs(set func(ctx int) error) string {
	ctx, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return "fsopen tmpfs: " + err.Error()
	}
	defer unix.Close(ctx)
	if err = set(ctx); err == nil {
		err = unix.FsconfigCreate(ctx)
	}
	if err != nil {
		return cmp.Or(mounts.Why(ctx), err.Error())
	}
	return ""
}
