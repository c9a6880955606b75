package transport

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"vanishfs/fs/mounts"
	"vanishfs/fs/process"
)

// ErrNoFusermount says that the setuid helper of libfuse is not installed.
var ErrNoFusermount = errors.New("fusermount3 is not installed, and without it only root can mount here (Debian: apt install fuse3)")

// ErrRefused matches what the helper said no to: a user may not do everything
// that root may.
var ErrRefused = errors.New("refused by fusermount3")

// refusal is the helper's own text.
type refusal string

func (r refusal) Error() string      { return string(r) }
func (refusal) Is(target error) bool { return target == ErrRefused }

// Fusermount mounts on dir as an ordinary user, through libfuse's setuid
// helper, which opens the device and passes it back over a socket
// (libfuse util/fusermount.c, send_fd). The connection belongs to this user;
// UID, GID and RootMode are the helper's business.
func Fusermount(dir string, o MountOptions) (dev *os.File, err error) {
	helper, err := fusermountPath()
	if err != nil {
		return nil, err
	}
	local, remote, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer local.Close()
	defer remote.Close()

	cmd := exec.Command(helper, "-o", o.withDefaults().helperOptions(), "--", dir)
	cmd.ExtraFiles = []*os.File{remote}
	cmd.Env = append(os.Environ(), "_FUSE_COMMFD=3")
	if err := runHelper(cmd); err != nil {
		return nil, fmt.Errorf("mount on %s: %w", dir, err)
	}
	_, fds, err := process.Receive(int(local.Fd()), make([]byte, 1), 1, unix.MSG_DONTWAIT)
	if err == nil && len(fds) != 1 {
		err = errors.New("no descriptor came")
	}
	if err != nil {
		return nil, fmt.Errorf("mount on %s: receive the device from %s: %w", dir, helper, err)
	}
	return os.NewFile(uintptr(fds[0]), devicePath), nil
}

func (o MountOptions) helperOptions() string {
	words := []string{"fsname=" + escapeOption(o.Source), "subtype=" + mounts.Name, "nosuid", "nodev"}
	for _, w := range []struct {
		on   bool
		word string
	}{
		{o.NoExec, "noexec"},
		{o.AllowOther, "allow_other"},
		{o.DefaultPermissions, "default_permissions"},
	} {
		if w.on {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ",")
}

// escapeOption protects what separates options for the helper.
func escapeOption(value string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(value)
}

func fusermountPath() (string, error) {
	for _, name := range []string{"fusermount3", "fusermount"} {
		for _, dir := range []string{"", "/usr/bin/", "/bin/"} {
			if path, err := exec.LookPath(dir + name); err == nil {
				return path, nil
			}
		}
	}
	return "", ErrNoFusermount
}

// busyText is what libc calls EBUSY in the C locale, the helper's only one.
var busyText = unix.EBUSY.Error()

// runHelper runs cmd and makes one line of what it complains of.
func runHelper(cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	if err == nil {
		return nil
	}
	text := strings.Join(strings.FieldsFunc(said.String(), func(r rune) bool { return r == '\n' }), "; ")
	switch {
	case text == "":
		return fmt.Errorf("%s: %w", cmd.Path, err)
	case strings.HasSuffix(strings.ToLower(text), busyText):
		return unix.EBUSY // no refusal: root would get it, too
	case strings.Contains(text, "user_allow_other"):
		return refusal(text + "; root can allow it with: echo user_allow_other >> /etc/fuse.conf")
	}
	return refusal(text)
}

func socketPair() (local, remote *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "fusermount socket"), os.NewFile(uintptr(fds[1]), "fusermount socket"), nil
}
