package transport

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkDispatch is what the table costs, without a kernel.
func BenchmarkDispatch(b *testing.B) {
	d := quietly(hotFS{})
	for _, name := range []string{"LOOKUP", "GETATTR", "READ", "WRITE", "READDIRPLUS"} {
		msg, out := messages[name], make([]byte, 1<<16)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.Handle(msg, out)
			}
		})
	}
}

// callerVariable makes the test binary a caller: "n operation dir".
const callerVariable = "VANISHFS_TEST_CALLER"

var calls = map[string]func(dir string) error{
	"missing": func(dir string) error {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(dir, "missing"), &st); err != unix.ENOENT {
			return fmt.Errorf("lstat: %v", err)
		}
		return nil
	},
	"mkdir": func(dir string) error {
		name := filepath.Join(dir, strconv.Itoa(os.Getpid()))
		if err := unix.Mkdir(name, 0o700); err != nil {
			return err
		}
		return unix.Rmdir(name)
	},
}

func call(order string) error {
	var n int
	var operation, dir string
	if _, err := fmt.Sscan(order, &n, &operation, &dir); err != nil {
		return err
	}
	for range n {
		if err := calls[operation](dir); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkCall is one system call of a process of its own, per transport.
func BenchmarkCall(b *testing.B) {
	for _, transport := range []string{transportDev, transportUring} {
		for operation := range calls {
			b.Run(transport+"/"+operation, func(b *testing.B) {
				if os.Geteuid() != 0 {
					b.Skip("mounting needs root")
				}
				if transport == transportUring {
					enableUring(b)
				}
				m := mount(b, newMemFS(), Options{Transport: transport})
				cmd := exec.Command("/proc/self/exe")
				cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s %s", callerVariable, b.N, operation, m.dir))
				b.ResetTimer()
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, bytes.TrimSpace(out))
				}
			})
		}
	}
}
