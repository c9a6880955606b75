package transport

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// insideVariable says that the test binary was started in a user namespace of
// its own, with the transport to use as its value.
const insideVariable = "VANISHFS_TEST_INSIDE"

// TestUserNamespace mounts where no privilege of the machine reaches.
func TestUserNamespace(t *testing.T) {
	eachTransport(t, func(t *testing.T, o Options) {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestInside$", "-test.v")
		cmd.Env = append(os.Environ(), insideVariable+"="+o.Transport)
		ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: ids, GidMappings: ids,
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestInside") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// TestInside is the part of TestUserNamespace in the namespace.
func TestInside(t *testing.T) {
	transport := os.Getenv(insideVariable)
	if transport == "" {
		t.Skip("TestUserNamespace starts this in a namespace")
	}
	testOperations(t, Options{Transport: transport})
	m := mount(t, newMemFS(), Options{Transport: transport, Passthrough: true})
	f := m.Features()
	if f.Passthrough || len(f.Reasons) != 1 || !strings.Contains(f.Reasons[0], "CAP_SYS_ADMIN") {
		t.Errorf("passthrough in a user namespace: %+v", f)
	}
}
