package promises

import (
	"testing"

	"vanishfs/integration/harness"
)

// TestPlaneOfOptions: which options have reads and writes go through the daemon.
func TestPlaneOfOptions(t *testing.T) {
	if !harness.Root() {
		t.Skip("only root has the direct plane")
	}
	for want, options := range map[string][][]string{
		"direct": {
			nil, {"--allow-other"}, {"--permissions=posix"}, {"--xattr"}, {"--linger=1s"}, {"--max-idle=1h"}, {"--session=process"}, {"--huge=never"},
		},
		"mediated": {
			{"--passthrough=off"}, {"--remove=close"}, {"--file-size=1g"}, {"--user-size=1g"}, {"--session=sid", "--session-size=1g"}, {"--store=tiered"},
		},
	} {
		for _, flags := range options {
			if s := harness.Start(t, harness.Current(), flags...).Status(t); s.Plane != want {
				t.Errorf("%q: the plane is %s, want %s", flags, s.Plane, want)
			}
		}
	}
}
