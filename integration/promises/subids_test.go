package promises

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"vanishfs/integration/harness"
)

// TestUserSizeOfSubordinates: who takes one of his subordinate ids after the other has one limit all the same, with and
// without sessions, and it is that of his own id.
func TestUserSizeOfSubordinates(t *testing.T) {
	if !harness.Root() {
		t.Skip("a mount with several users takes root")
	}
	u := harness.Ordinary(t)
	if text, err := os.ReadFile("/etc/subuid"); err != nil || !strings.Contains(string(text), harness.TestUser+":") {
		t.Fatalf("%s has no subordinate ids: %v; useradd gives them where package uidmap is installed", harness.TestUser, err)
	}
	const script = `head -c 1000000 /dev/zero > "$D/own"
		unshare --user --map-root-user --map-users=auto --map-groups=auto sh -c '
			for id in 1 2 3 4 5 6 7 8; do setpriv --reuid=$id --regid=$id --clear-groups sh -c "head -c 1000000 /dev/zero > $D/$id"; done' 2> /dev/null
		find "$D" -type f -printf "%U\n" | sort -u | wc -l; du -sB1 "$D" | cut -f1`
	for _, flags := range [][]string{{"--transport=dev"}, {"--session=sid", "--session-size=64MiB"}, {"--store=tiered"}} {
		m := harness.Start(t, harness.Current(), append(flags, "--allow-other", "--user-size=4MiB", "--size=64MiB")...)
		cmd := u.As(exec.Command("setsid", "--wait", "sh", "-c", script))
		cmd.Env = append(cmd.Environ(), "D="+m.Dir)
		out, err := cmd.CombinedOutput()
		var owners, used int
		if _, scanErr := fmt.Sscan(string(out), &owners, &used); err != nil || scanErr != nil || owners < 4 {
			t.Fatalf("%v: %v, %s", flags, err, out)
		}
		if used != 4*mib {
			t.Errorf("%v: %d owners have %d bytes of 4 MiB", flags, owners, used)
		}
	}
}
