// Package promises has a test for each promise of the design: what must hold on
// a real mount of the built binary, whoever mounted it and however the bytes travel.
package promises

import (
	"syscall"
	"testing"

	"vanishfs/integration/harness"
)

func TestMain(m *testing.M) {
	syscall.Umask(0o022)
	harness.Main(m)
}
