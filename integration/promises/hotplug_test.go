package promises

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"vanishfs/integration/harness"
)

// TestCPUHotplug: while a CPU goes and comes back, callers on it and on others are answered.
func TestCPUHotplug(t *testing.T) {
	harness.WatchKernel(t)
	cpu := runtime.NumCPU() - 1
	online := fmt.Sprintf("/sys/devices/system/cpu/cpu%d/online", cpu)
	turn := func(to string) error { return os.WriteFile(online, []byte(to), 0) }
	switch {
	case cpu == 0:
		t.Skip("one CPU")
	case !harness.Root():
		t.Skip("not root: CPUs cannot be taken away")
	case turn("1") != nil:
		t.Skip("no CPU hotplug here: ", turn("1"))
	}
	transports := []string{"dev"}
	if harness.Uring() {
		transports = append(transports, "uring")
	}
	for _, via := range transports {
		t.Run(via, func(t *testing.T) {
			m := harness.Start(t, harness.Current(), "--transport="+via)
			defer turn("1")
			var calls [2]atomic.Int64
			var stop atomic.Bool
			var callers sync.WaitGroup
			for i, on := range []int{cpu, 0} {
				callers.Go(func() {
					runtime.LockOSThread() // the thread ends with the goroutine
					var set unix.CPUSet
					set.Set(on)
					if err := unix.SchedSetaffinity(0, &set); err != nil {
						t.Error(err)
					}
					for name := filepath.Join(m.Dir, fmt.Sprint(i)); !stop.Load() && !t.Failed(); calls[i].Add(1) {
						if err := churn(name); err != nil {
							t.Error(err)
						}
					}
				})
			}
			for _, to := range []string{"0", "1", "0", "1"} {
				check(t, "turn the CPU to "+to, turn(to))
				for i := range calls {
					before := calls[i].Load()
					harness.Eventually(t, fmt.Sprintf("caller %d is answered while the CPU is %s", i, to),
						func() bool { return t.Failed() || calls[i].Load() >= before+100 },
						func() string { return fmt.Sprint(calls[i].Load()-before, " calls") })
				}
			}
			stop.Store(true)
			callers.Wait()
		})
	}
}

// churn makes, writes and removes a file.
func churn(name string) error {
	fd, err := unix.Open(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if _, err := unix.Write(fd, make([]byte, 4096)); err != nil {
		return err
	}
	if err := unix.Close(fd); err != nil {
		return err
	}
	return unix.Unlink(name)
}
