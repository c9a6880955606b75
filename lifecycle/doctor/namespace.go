package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vanishfs/lifecycle/process"
)

const (
	// childName as argv[0] tells ChildMain that this process is the child.
	childName = "vanishfs-doctor"
	// childTime bounds the child's life; it takes milliseconds.
	childTime = 10 * time.Second
)

// ChildMain tries what can be mounted in a user namespace and ends the process,
// if this process was started for that; else it returns at once. It comes
// first thing in main.
func ChildMain() {
	if len(os.Args) == 0 || os.Args[0] != childName {
		return
	}
	if err := json.NewEncoder(os.Stdout).Encode(probe()); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// probeInNamespace is probe in a user and a mount namespace of its own, with
// the caller's user mapped to itself, as "vanishfs run" makes them for an
// ordinary user.
func probeInNamespace() (findings, error) {
	ctx, cancel := context.WithTimeout(context.Background(), childTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, process.Self)
	cmd.Args = []string{childName}
	cmd.SysProcAttr = new(syscall.SysProcAttr)
	process.InUserNamespace(cmd.SysProcAttr, unix.CAP_SYS_ADMIN)
	out, err := cmd.Output()
	if err != nil {
		f := findings{Mount: "there is no user namespace", Tmpfs: "there is no user namespace"}
		var start *fs.PathError // names the child's program
		if errors.As(err, &start) {
			err = start.Err
		}
		return f, fmt.Errorf("make a user namespace: %w", err)
	}
	var f findings
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&f); err != nil {
		return findings{}, fmt.Errorf("probe in a user namespace: %w", err)
	}
	return f, nil
}

// namespaceLimits are the settings that forbid user namespaces, with the value that does.
var namespaceLimits = []struct{ path, forbids, enable string }{
	{"/proc/sys/user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=10000"},
	// Debian's and Ubuntu's own
	{"/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"},
	// Ubuntu from 23.10 on
	{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
}

// namespaceHint is the command for the setting that forbids, if there is one to be seen.
func namespaceHint() string {
	for _, l := range namespaceLimits {
		if value, err := os.ReadFile(l.path); err == nil && strings.TrimSpace(string(value)) == l.forbids {
			return l.enable
		}
	}
	return "allow it in the sandbox or container that this is, for instance docker run --security-opt seccomp=unconfined"
}

// namespaces is needed by who cannot mount without.
func namespaces(err error, needed bool) Check {
	why := ""
	if err != nil {
		why = err.Error()
	}
	return Check{Name: "user namespaces", Needed: needed}.tried(why, "can be made, with a mount namespace",
		"an ordinary user has no vanishfs run", namespaceHint())
}

// namespaceIDs is what an ordinary user's run shows of others. Nothing that could be installed changes it:
// newuidmap maps what subuid(5) lists, which is not root.
func namespaceIDs(without bool) Check {
	c := Check{Name: "ids in run", State: OK, Detail: "all, as outside"}
	if !without {
		c.Detail = "only this user and group: root's files show as nobody's, which ssh and sudo refuse; see vanishfs run --help"
	}
	return c
}
