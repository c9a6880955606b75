package promises

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vanishfs/integration/harness"
)

// inNewNamespace runs a script as u in a mount namespace that ends with it, with a directory $D, and returns what it says.
func inNewNamespace(t *testing.T, u harness.User, script string) string {
	t.Helper()
	args := []string{"-m", "--propagation", "private"}
	if u.UID != 0 {
		args = []string{"-U", "-r", "-m", "--propagation", "private"}
	}
	dir := filepath.Join(harness.Mkdir(t, u), "mnt")
	cmd := u.As(exec.Command("unshare", append(args, "sh", "-euc", "mkdir $D; "+script)...))
	cmd.Env = append(cmd.Environ(), "D="+dir, "VANISHFS="+harness.Program(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v: %s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

const daemonPID = `sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' $D/.vanish/status`

func gone(t *testing.T, pid string) {
	t.Helper()
	ended := func() bool {
		text, err := os.ReadFile("/proc/" + pid + "/status")
		return err != nil || strings.Contains(string(text), "\nState:\tZ") // not waited for yet
	}
	harness.Eventually(t, "the daemon ends", ended, func() string { return pid })
}

func onNamespaces(t *testing.T, f func(t *testing.T, u harness.User, flags string)) {
	transports := []string{"dev"}
	if harness.Uring() {
		transports = append(transports, "uring")
	}
	for name, u := range harness.Runners(t) {
		for _, transport := range transports {
			for plane, flags := range map[string]string{"plain": "", "mediated": "--passthrough=off", "tiered": "--store=tiered --memory=1MiB --spill-dir=$D/.."} {
				t.Run(strings.Join([]string{name, transport, plane}, "/"), func(t *testing.T) { f(t, u, flags+" --transport="+transport) })
			}
		}
	}
}

// TestNamespaceEnds: a mount goes with the namespace that it is in, as a tmpfs does, and its daemon with it, whatever
// else is mounted there.
func TestNamespaceEnds(t *testing.T) {
	onNamespaces(t, func(t *testing.T, u harness.User, flags string) {
		out := inNewNamespace(t, u, fmt.Sprintf(`$VANISHFS mount %s $D; echo secret > $D/f; mkdir $D/below; mount -t tmpfs none $D/below; %s`, flags, daemonPID))
		gone(t, out)
	})
}

// TestNamespaceUnmount: SIGTERM unmounts there, where it was moved to too; umount ends the daemon, while another's that
// was started later goes on.
func TestNamespaceUnmount(t *testing.T) {
	onNamespaces(t, func(t *testing.T, u harness.User, flags string) {
		out := inNewNamespace(t, u, fmt.Sprintf(`
			gone() { for i in $(seq 2000); do grep -qs '^State:.[^Z]' /proc/$1/status || return 0; sleep 0.01; done; echo "$1 is left"; return 1; }
			mkdir $D-2 $D-3
			$VANISHFS mount %[1]s $D; pid=$(%[2]s); echo text > $D/f
			$VANISHFS mount %[1]s $D-2
			$VANISHFS umount $D; gone $pid
			[ -z "$(ls $D)" ]
			$VANISHFS mount %[1]s $D; pid=$(%[2]s)
			mount --move $D $D-3 2> /dev/null || :; : > $D-3/f # as a user, what follows the move may fail
			kill -TERM $pid; gone $pid
			[ -z "$(ls $D-3)" ]; [ -e $D-2/.vanish/status ]
			D=$D-2; %[2]s`, flags, daemonPID))
		gone(t, out)
	})
}
