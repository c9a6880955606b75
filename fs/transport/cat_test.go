package transport

import (
	"os"
	"os/exec"
	"testing"
)

// startCat starts a process that reads path. It is a process of its own, since
// a test binary that waits for itself in the kernel cannot be killed apart.
func startCat(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("cat", path)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd
}
