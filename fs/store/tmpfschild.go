package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// childName as argv[0] tells ChildMain that this process is the child.
	childName = "vanishfs-tmpfs"
	// childSocket is the child's end of the socket pair: the first of ExtraFiles.
	childSocket = 3
	// childTime bounds the child's life; it takes milliseconds.
	childTime = 10 * time.Second
	// spareContexts is how often a resize may fail, less one (see resizeBySpareLocked).
	spareContexts = 8
)

// ChildMain makes the tmpfs for an ordinary user's memory store and ends the
// process, if this process was started for that; else it returns at once. A
// program that calls NewMemory calls it first thing in main, a test in TestMain.
func ChildMain() {
	if len(os.Args) != 2 || os.Args[0] != childName {
		return
	}
	var o tmpfsOptions
	err := json.Unmarshal([]byte(os.Args[1]), &o)
	var made madeTmpfs
	if err == nil {
		made, err = makeTmpfs(o)
	}
	for i := 0; err == nil && i < spareContexts; i++ {
		var ctx int
		if ctx, err = unix.Fspick(made.root, "", unix.FSPICK_EMPTY_PATH|unix.FSPICK_CLOEXEC); err == nil {
			made.contexts = append(made.contexts, ctx)
		}
	}
	if err := sendTmpfs(childSocket, made, err); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// makeTmpfsInChild makes an instance in a child process with a user and a mount
// namespace of its own, which passes the descriptors back and ends. The caller's user
// is mapped to itself, so the files are its own and it may resize the instance.
func makeTmpfsInChild(o tmpfsOptions) (madeTmpfs, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return madeTmpfs{}, fmt.Errorf("socketpair: %w", err)
	}
	defer unix.Close(pair[0])
	theirs := os.NewFile(uintptr(pair[1]), "socket")
	arg, err := json.Marshal(o)
	if err != nil {
		return madeTmpfs{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), childTime)
	defer cancel()
	cmd := childCommand(ctx, string(arg), theirs)
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return madeTmpfs{}, childFailed(err)
	}
	made, err := receiveTmpfs(pair[0])
	if err == nil {
		cancel() // it has said everything
	}
	if waitErr := cmd.Wait(); waitErr != nil && err != nil {
		err = fmt.Errorf("%w (%v)", err, waitErr)
	}
	if err != nil {
		return made, childFailed(err)
	}
	return made, nil
}

func childFailed(err error) error {
	return fmt.Errorf("make a tmpfs in a user namespace: %w; an ordinary user needs user namespaces "+
		"(sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)", err)
}

func childCommand(ctx context.Context, arg string, socket *os.File) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{childName, arg}
	cmd.Env = []string{}
	cmd.ExtraFiles = []*os.File{socket}
	uid, gid := os.Geteuid(), os.Getegid()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}},
		// The exec of a user other than 0 would drop what the new namespace gave.
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN},
	}
	return cmd
}

// sendTmpfs is the child's only message: JSON, with the root and the contexts as rights.
func sendTmpfs(socket int, made madeTmpfs, err error) error {
	var rights []byte
	if err != nil {
		made.Err = err.Error()
		errors.As(err, &made.Errno)
	} else {
		rights = unix.UnixRights(append([]int{made.root}, made.contexts...)...)
	}
	data, err := json.Marshal(made)
	if err != nil {
		return err
	}
	return unix.Sendmsg(socket, data, rights, nil, 0)
}

func receiveTmpfs(socket int) (made madeTmpfs, err error) {
	data := make([]byte, 4096)
	oob := make([]byte, unix.CmsgSpace(4*(1+spareContexts)))
	n, oobn, _, _, err := unix.Recvmsg(socket, data, oob, unix.MSG_CMSG_CLOEXEC)
	for err == unix.EINTR {
		n, oobn, _, _, err = unix.Recvmsg(socket, data, oob, unix.MSG_CMSG_CLOEXEC)
	}
	if err != nil {
		return made, fmt.Errorf("recvmsg: %w", err)
	}
	if n == 0 {
		return made, errors.New("the child process said nothing; does main call store.ChildMain?")
	}
	if err := json.Unmarshal(data[:n], &made); err != nil {
		return made, err
	}
	if made.Err != "" {
		return made, &childError{made.Err, made.Errno}
	}
	fds, err := parseRights(oob[:oobn])
	if err != nil {
		return made, err
	}
	made.root, made.contexts = fds[0], fds[1:]
	return made, nil
}

func parseRights(oob []byte) ([]int, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) != 1 {
		return nil, fmt.Errorf("no descriptors in the child's message: %w", unix.EPROTO)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return nil, fmt.Errorf("no descriptors in the child's message: %w", unix.EPROTO)
	}
	return fds, nil
}

// A childError is what failed in the child process.
type childError struct {
	text  string
	errno syscall.Errno
}

func (e *childError) Error() string { return e.text }
func (e *childError) Unwrap() error { return e.errno }
