package transport

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// eachTransport runs a test on a mount for each transport.
func eachTransport(t *testing.T, test func(t *testing.T, o Options)) {
	needRoot(t)
	t.Run(transportDev, func(t *testing.T) { test(t, Options{Transport: transportDev}) })
	t.Run(transportUring, func(t *testing.T) {
		enableUring(t)
		test(t, Options{Transport: transportUring})
	})
}

// enableUring switches FUSE over io_uring on in the kernel for this test, or
// skips it where the kernel has none.
func enableUring(t testing.TB) {
	t.Helper()
	before, err := os.ReadFile(EnableUring)
	if err != nil {
		if kernelAtLeast(t, 6, 14) && configured(t, "CONFIG_FUSE_IO_URING=y") {
			t.Fatalf("this kernel should have FUSE over io_uring: %v", err)
		}
		t.Skipf("no FUSE over io_uring in this kernel: %v", err)
	}
	must(t, os.WriteFile(EnableUring, []byte("Y"), 0))
	t.Cleanup(func() { must(t, os.WriteFile(EnableUring, before, 0)) })
}

func kernelAtLeast(t testing.TB, major, minor int) bool {
	var u unix.Utsname
	must(t, unix.Uname(&u))
	var a, b int
	for i, field := range strings.SplitN(unix.ByteSliceToString(u.Release[:]), ".", 3) {
		n := 0
		for _, c := range field {
			if c < '0' || c > '9' {
				break
			}
			n = n*10 + int(c-'0')
		}
		switch i {
		case 0:
			a = n
		case 1:
			b = n
		}
	}
	return a > major || a == major && b >= minor
}
