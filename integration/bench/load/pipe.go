package load

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const (
	pipeTries = 5
	pipeTrips = 2000 // in a try
)

// PipeRoundTrip is the time, in ns, in which a byte goes through a pipe to another process on the same CPU and
// through a second one back: two switches of the CPU with what wakes a process up, which is what a request to a
// FUSE daemon takes at least.
func PipeRoundTrip() (trip float64, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and no unlock: the thread stays bound to a CPU and ends with the goroutine
		trip, err = pipeRoundTrip()
	}()
	<-done
	return trip, err
}

func pipeRoundTrip() (float64, error) {
	there, back, err := twoPipes()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command("cat")
	cmd.Stdin, cmd.Stdout = there.read, back.write
	err = cmd.Start()
	there.read.Close()
	back.write.Close()
	defer back.read.Close()
	if err != nil {
		there.write.Close()
		return 0, err
	}
	defer cmd.Wait()
	defer there.write.Close()
	if err := shareCPU(cmd.Process.Pid); err != nil {
		return 0, err
	}
	return roundTrips(int(there.write.Fd()), int(back.read.Fd()))
}

func roundTrips(to, from int) (float64, error) {
	tries, block := make([]float64, pipeTries), []byte{1}
	for i := range tries {
		start := time.Now()
		for range pipeTrips {
			if err := errors.Join(writeFile(to, block), readFile(from, block)); err != nil {
				return 0, err
			}
		}
		tries[i] = float64(time.Since(start)) / pipeTrips
	}
	return Median(tries), nil
}

// shareCPU binds this thread and another process to one CPU.
func shareCPU(pid int) error {
	var cpus unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cpus); err != nil {
		return err
	}
	var one unix.CPUSet
	for cpu := 0; one.Count() == 0; cpu++ {
		if cpus.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	if err := errors.Join(unix.SchedSetaffinity(0, &one), unix.SchedSetaffinity(pid, &one)); err != nil {
		return fmt.Errorf("bind two processes to a CPU: %w", err)
	}
	return nil
}

// A pipe has descriptors that block: os.Pipe's do not.
type pipe struct{ read, write *os.File }

func newPipe() (p pipe, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return p, fmt.Errorf("make a pipe: %w", err)
	}
	return pipe{os.NewFile(uintptr(fds[0]), "pipe"), os.NewFile(uintptr(fds[1]), "pipe")}, nil
}

func twoPipes() (a, b pipe, err error) {
	if a, err = newPipe(); err != nil {
		return a, b, err
	}
	if b, err = newPipe(); err != nil {
		a.read.Close()
		a.write.Close()
	}
	return a, b, err
}
