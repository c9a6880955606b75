package promises

import (
	"strings"
	"testing"

	"vanishfs/integration/harness"
)

// TestProgramsOnFull: programs that run into the cap say so in their own words, and the mount is as good as before.
func TestProgramsOnFull(t *testing.T) {
	harness.OnPlanes(t, []string{"--size=8MiB"}, func(t *testing.T, m *harness.Mount) {
		source := harness.Mkdir(t, m.User)
		m.Sh(t, "head -c 12582912 /dev/zero > "+source+"/big")
		for _, c := range []struct{ name, script, says string }{
			{"dd", `dd if=/dev/zero of="$D/f" bs=64k count=1000`, "No space left on device"},
			{"cp", `cp ` + source + `/big "$D/f"`, "No space left on device"},
			{"tar", `tar -c -C ` + source + ` -f "$D/f" big`, "Wrote only"}, // its words for a short write, on tmpfs too
			{"cat", `cat ` + source + `/big > "$D/f"`, "No space left on device"},
			{"python", `python3 -c 'import sys; open(sys.argv[1], "wb").write(bytes(12582912))' "$D/f"`, "No space left on device"},
			{"sqlite", `sqlite3 "$D/f" "create table t(x); insert into t values(zeroblob(12000000));"`, "full"},
		} {
			t.Run(c.name, func(t *testing.T) {
				cmd := m.ShCommand("unset PYENV_VERSION; PATH=/usr/bin:/bin:$PATH; " + c.script)
				out, err := cmd.CombinedOutput()
				if err == nil || !strings.Contains(string(out), c.says) {
					t.Errorf("%v: %q, want %q", err, out, c.says)
				}
				m.Sh(t, `rm -f "$D"/f*`)
				waitUsed(t, m, 0)
				m.Sh(t, `head -c 8388608 /dev/zero > "$D/again"; rm "$D/again"`)
				waitUsed(t, m, 0)
			})
		}
	})
}
