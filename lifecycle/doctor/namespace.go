package doctor

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"vanishfs/fs/process"
)

// probeRole tries what can be mounted in a user namespace. Examine needs process.Become in main.
var probeRole = process.NewRole("vanishfs-doctor", func(c *process.Child) int {
	if process.Answer(c.FDs[0], probe(), nil) != nil {
		return 1
	}
	return 0
})

// probeInNamespace is probe in a user and a mount namespace of its own, with
// the caller's user mapped to itself, as "vanishfs run" makes them for an
// ordinary user.
func probeInNamespace() (f findings, err error) {
	if _, err := probeRole.Ask(nil, &f, unix.CAP_SYS_ADMIN); err != nil {
		return findings{Mount: "there is no user namespace", Tmpfs: "there is no user namespace"}, fmt.Errorf("make a user namespace: %w", err)
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
