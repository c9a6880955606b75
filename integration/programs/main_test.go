// Package programs runs real programs with a vanishfs as their /tmp. Each is a
// shell script in testdata, which runs under `vanishfs run`, in an empty /tmp, and has to succeed.
package programs

import (
	"testing"

	"vanishfs/integration/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
