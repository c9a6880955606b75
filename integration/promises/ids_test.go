package promises

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"vanishfs/integration/harness"
)

// TestRunIDs: in an ordinary user's run only he and his group exist, so root's files are nobody's and his other groups
// cannot be named. What programs make of that, and the way round for each that the help names.
func TestRunIDs(t *testing.T) {
	if !harness.Root() {
		t.Skip("a configuration of root's takes root")
	}
	u, other := harness.Ordinary(t), 0
	for _, g := range u.Groups {
		if g != u.GID {
			other = g
		}
	}
	home := harness.Mkdir(t, u)
	check(t, "configuration", os.WriteFile(home+"/config", []byte("Host there\n  Port 77\n"), 0o644))
	for _, c := range []struct {
		script string
		code   int
		says   string
	}{
		{`stat -c %u:%g /etc/passwd`, 0, "65534:65534"},
		// fs/open.c, chown_common: the ids are not valid in the namespace, which no filesystem is asked about.
		{`touch /tmp/a; chgrp vanishtest2 /tmp/a`, 1, "Invalid argument"},
		{`touch $HOME/a; chgrp vanishtest2 $HOME/a`, 1, "Invalid argument"},
		{`install -g vanishtest2 /dev/null /tmp/b`, 1, "Invalid argument"},
		{`install /dev/null /tmp/c`, 0, ""},
		{`rsync -a $HOME/src/ /tmp/1/`, 23, "Invalid argument"},
		{`rsync -a --no-g $HOME/src/ /tmp/2/ && test -e /tmp/2/file`, 0, ""},
		{`cp -a $HOME/src /tmp/3 && tar cf - -C $HOME src | tar xf - -C /tmp`, 0, ""},
		{`ssh -G there`, 255, "Bad owner or permissions on /etc/ssh/ssh_config.d/"},
		{`ssh -F none -G there`, 0, "port 22\n"},
		{`ssh -F $HOME/config -G there`, 0, "port 77\n"},
		{`git ls-remote ssh://127.0.0.1:9/x`, 128, "Bad owner or permissions"},
		{`GIT_SSH_COMMAND="ssh -F none" git ls-remote ssh://127.0.0.1:9/x`, 128, "Connection refused"},
		{`sudo -n true`, 1, "sudo"},
	} {
		// Everything that root has in /etc/ssh/ssh_config.d is refused: there is a file of it, as distributions have one.
		outer := exec.Command("unshare", "--mount", "sh", "-ec", `
			mount -t tmpfs none /etc/ssh/ssh_config.d
			echo "Host nobody" > /etc/ssh/ssh_config.d/50-some.conf
			mkdir -p "$HOME/src"; touch "$HOME/src/file"; chown -R "$U:$S" "$HOME/src"
			exec setpriv --reuid="$U" --regid="$G" --groups="$S" "$@"`, "sh", harness.Program(), "run", "--", "sh", "-c", c.script)
		outer.Dir = "/"
		outer.Env = append(os.Environ(), "HOME="+home, fmt.Sprint("U=", u.UID), fmt.Sprint("G=", u.GID), fmt.Sprint("S=", other), "LC_ALL=C")
		out, err := outer.CombinedOutput()
		if code := outer.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: code %d, %v, %.300s, want %d and %q", c.script, code, err, out, c.code, c.says)
		}
	}
}
