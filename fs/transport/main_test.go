package transport

import (
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// TestMain is the leak check: after the tests no goroutine of theirs and no
// descriptor of theirs is left.
func TestMain(m *testing.M) {
	if dir := os.Getenv(stormVariable); dir != "" {
		storm(dir)
	}
	for variable, role := range map[string]func(string) error{callerVariable: call, daemonVariable: daemon} {
		if order := os.Getenv(variable); order != "" {
			if err := role(order); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	before := descriptors()
	code := m.Run()
	if code == 0 {
		if err := leaks(before); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func leaks(before map[string]string) error {
	var err error
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if err = leaksNow(before); err == nil {
			return nil
		}
		<-time.After(10 * time.Millisecond)
	}
	return err
}

func leaksNow(before map[string]string) error {
	for fd, target := range descriptors() {
		if before[fd] == "" && !strings.Contains(target, "anon_inode:[event") {
			return fmt.Errorf("leaked descriptor %s: %s", fd, target)
		}
	}
	var b strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
		return err
	}
	if strings.Contains(b.String(), "(*devLoop)") || strings.Contains(b.String(), "(*uringThread)") || strings.Contains(b.String(), "(*Server)") {
		return fmt.Errorf("leaked goroutine:\n%s", b.String())
	}
	return nil
}

// descriptors is what is open: number to target.
func descriptors() map[string]string {
	open := map[string]string{}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		// The listing's own descriptor is gone by now.
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open[e.Name()] = target
		}
	}
	return open
}
